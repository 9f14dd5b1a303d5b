import type { Policy } from "../../src/core/policy.ts";
import type { FaultName, FaultPlan } from "./faults/fault.ts";
import type { History } from "./history.ts";
import type { Network } from "./network.ts";
import type { PeerNetwork } from "./peer-link.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** What every client lives in. */
export interface World {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly network: Network;
  readonly peers: PeerNetwork;
  readonly history: History;
  readonly plan: FaultPlan;
  readonly policy: Policy;
  /** Whether a fault strikes now; it is counted if so. Never once the world has calmed down. */
  readonly draw: (fault: FaultName, share?: number) => boolean;
  /** Starts a client's life; what it throws is a bug of the simulation. */
  readonly live: (who: string, life: () => Promise<void>) => void;
}

export interface Place {
  readonly sessionId: string;
  readonly beachId: string;
  /** Whether the attach says that its host reports, and whether it does. */
  readonly hostReports: boolean;
  readonly hostSpeaks: boolean;
}
