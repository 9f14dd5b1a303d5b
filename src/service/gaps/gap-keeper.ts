import type { SessionId } from "../../core/ids.ts";
import type { Gap } from "../../core/session.ts";
import type { EpochMs } from "../../core/time.ts";
import type { DecisionBasis } from "../session-store.ts";

/**
 * How many parts the store has, and how many of them cannot be reached. An undivided store is one
 * part.
 */
export interface StoreReach {
  readonly parts: number;
  readonly away: number;
}

/** Knows when the service could receive nothing, and whether it can now. */
export interface GapKeeper {
  /** The gaps that a decision about the session has to take up, in order of their numbers. */
  gapsOf(id: SessionId): readonly Gap[];

  /** Which incarnation of the store the session is in. */
  incarnationOf(id: SessionId): number;

  /** What a decision about the session at `now` is based on; undefined for a sole store. */
  basisOf(id: SessionId, now: EpochMs): DecisionBasis | undefined;

  /** The store failed for this session and has not answered since. Nothing can be decided. */
  isAway(id: SessionId): boolean;

  /** Some of the store cannot be reached. */
  readonly isStoreAway: boolean;

  /** How much of it. */
  readonly reach: StoreReach;

  /**
   * Must be awaited before deciding on a loaded record: a process that stood still has missed
   * reports.
   */
  observe(now: EpochMs): Promise<void>;

  /** Whether there is nothing to wait for before something is decided about the session. */
  isCurrent(id: SessionId, now: EpochMs): boolean;

  /** The machine was suspended until just now, and received nothing meanwhile. */
  noteSuspend(): void;

  /** A call of the store failed for this session: it is away until it answers again. */
  noteStoreFault(id: SessionId): void;

  /** Reads the gaps and the incarnation that the store has on record for the session. */
  catchUp(id: SessionId): Promise<void>;

  start(): Promise<void>;

  /** Sends heartbeats until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}
