import type { Policy } from "../../src/core/policy.ts";
import type { DurationMs, EpochMs } from "../../src/core/time.ts";
import type { Random } from "../support/runs/random.ts";
import type { FaultName, FaultPlan } from "./faults/fault.ts";
import type { PeerNetwork } from "./network/peer-link.ts";
import type { StreamOptions } from "./network/stream.ts";
import type { Answer, Ask } from "./seen/ask.ts";

/** What every client lives in: the same whether the service around it is simulated or real. */
export interface World {
  readonly timeline: Time;
  readonly random: Random;
  readonly network: Links;
  readonly peers: PeerNetwork;
  readonly plan: FaultPlan;
  readonly policy: Policy;
  /** Whether a fault strikes now; it is counted if so. Never once the world has calmed down. */
  readonly draw: (fault: FaultName, share?: number) => boolean;
  /** Starts a client's life; what it throws is a bug of the simulation. */
  readonly live: (who: string, life: () => Promise<void>) => void;
}

/** The time that clients live in. */
export interface Time {
  readonly now: EpochMs;
  after(duration: DurationMs, action: () => void): void;
  sleep(duration: DurationMs): Promise<void>;
}

/** Everything between the clients and the service. */
export interface Links {
  /** A client's own way to the service. */
  link(by: string): Link;
}

/** One client's way to the service. What comes over it becomes part of the history. */
export interface Link {
  readonly by: string;
  /** Resolves with what was answered, or undefined when nothing came in time. */
  ask(sessionId: string, ask: Ask): Promise<Answer | undefined>;
  /** Opens a stream; it ends by itself when the service goes, or when it is closed. */
  watch(options: StreamOptions): OpenStream;
}

export interface OpenStream {
  /** The reader gives the stream up. */
  close(): void;
}

export interface Place {
  readonly sessionId: string;
  readonly beachId: string;
  /** Whether the attach says that its host reports, and whether it does. */
  readonly hostReports: boolean;
  readonly hostSpeaks: boolean;
}
