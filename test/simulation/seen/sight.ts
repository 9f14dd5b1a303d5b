import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Answer, Ask } from "./ask.ts";
import type { TransportSeen } from "./seen.ts";

/**
 * When the service said something. A simulated one is noted at its door, at the very moment; a real
 * one by its clients, who know no more than that it was between their question and its answer. Only
 * what reached a client becomes a sight.
 */
export interface Stamp {
  /** The order in which things were noted. */
  readonly serial: number;
  /** It was decided at or after this moment of the true time; the same as `at` at a door. */
  readonly since: EpochMs;
  /** The true time at which it was noted, and the service's own at that moment. */
  readonly at: EpochMs;
  readonly serviceNow: EpochMs;
  /** Numbers the processes that served, each start of one anew. */
  readonly run: number;
  /** Counts losses of what was durable: restored backups and lost stores. */
  readonly era: number;
}

/** A client sent a call; it may arrive late, more than once, or never. */
export interface Asked {
  readonly kind: "asked";
  readonly serial: number;
  readonly at: EpochMs;
  readonly askId: number;
  readonly by: string;
  readonly sessionId: string;
  readonly ask: Ask;
  /** The network of this run doubles messages. */
  readonly mayComeAgain: boolean;
}

export interface Answered extends Stamp {
  readonly kind: "answered";
  readonly askId: number;
  readonly by: string;
  readonly sessionId: string;
  readonly ask: Ask;
  readonly sentAt: EpochMs;
  readonly answer: Answer;
}

/** A stream began; its reader listed what it knows. */
export interface Opened extends Stamp {
  readonly kind: "opened";
  readonly stream: number;
  readonly by: string;
  /** Named sessions; undefined for a whole private beach. */
  readonly sessionIds: readonly string[] | undefined;
  readonly known: ReadonlyMap<string, number>;
  /** The reader takes each message as soon as it comes. */
  readonly isFast: boolean;
}

export interface Received extends Stamp {
  readonly kind: "received";
  readonly stream: number;
  readonly by: string;
  /** When the reader was ready to be told: how long it waited is not the service's doing alone. */
  readonly readySince: EpochMs;
  readonly message: Message;
}

export type Message =
  | {
      readonly kind: "state";
      readonly sessionId: string;
      readonly state: TransportSeen;
      readonly coalesced: number;
    }
  | {
      readonly kind: "gone";
      readonly sessionId: string;
      readonly reason: string;
      readonly coalesced: number;
    }
  | { readonly kind: "bookmark"; readonly repeatsEveryMs: DurationMs }
  | { readonly kind: "draining" };

/** A stream is over for its reader, or was given up by it. */
export interface Closed {
  readonly kind: "closed";
  readonly serial: number;
  readonly at: EpochMs;
  readonly stream: number;
  /** A message of the service was still on its way. */
  readonly isMoreOnItsWay: boolean;
}

/** What was done to the service, which everybody around it can see. */
export interface Trouble {
  readonly kind: "trouble";
  readonly serial: number;
  readonly what:
    | "absence"
    | "stall"
    | "store away"
    | "store shaky"
    | "store lost"
    | "token key lost"
    /** Some process, or the way to one or from one, was in trouble; the others may have served. */
    | "fleet shaken";
  readonly at: EpochMs;
  readonly until: EpochMs;
  /** For people alone. */
  readonly detail?: string;
}

export type Sight = Asked | Answered | Opened | Received | Closed | Trouble;
