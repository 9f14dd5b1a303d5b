import type { AnswerOf, Command, Renew } from "../core/command.ts";
import type { BeachId, LeaseId, SessionId, TokenHash } from "../core/ids.ts";
import type { Refusal } from "../core/refusal.ts";
import type { Session, SessionRecord } from "../core/session.ts";
import type { DurationMs, EpochMs } from "../core/time.ts";
import type { FleetCounts, FleetRates } from "./figures/fleet-counts.ts";

/** What the doors call. Every rule behind it is in the core. */
export interface LeaseService {
  /**
   * Loads the session, decides, commits, and answers with the record as it is then. Conflicts are
   * retried a bounded number of times, then refused with CONTENDED; a store fault is refused with
   * STORE_UNAVAILABLE. Commands of one session are carried out in the order in which they are given.
   *
   * @param permit checked on the record that the decision is made on; unset allows everybody
   */
  execute<C extends Command>(id: SessionId, command: C, permit?: Permit): Promise<Outcome<C>>;

  /**
   * The same for renewals that need not wait, as nearly all of them: they are decided and committed
   * in this turn, without a promise. Ends with the turn; disposing of it publishes what it did.
   */
  renewalTurn(permit: Permit): RenewalTurn;

  /**
   * Streams transport truth until the signal aborts; see {@link WatchMessage}. Throws {@link
   * BudgetSpent} at once where there is no room, and later {@link ReaderStalled} for a reader that
   * took nothing for too long. It cannot throw while the reader has not taken a message: then it
   * calls `reset` once and ends.
   */
  watch(selection: WatchSelection, signal: AbortSignal, caller?: WatchCaller): WatchStream;

  /**
   * Resolves when it is the turn of a watch with so many sessions and known versions to be opened;
   * rejects with {@link BudgetSpent} when there is no room for it.
   */
  watchTurn(names: number, connection: object | undefined): Promise<void>;

  /** A page of attached sessions in order of id. */
  list(
    beachId: BeachId | undefined,
    after: SessionId | undefined,
    limit: number,
  ): Promise<readonly Session[]>;

  /** Figures of the fleet, or of one private beach. */
  summarize(beachId: BeachId | undefined): Promise<FleetSummary>;

  /** The session as it stands, without applying anything; for checks of standing. */
  find(id: SessionId): Promise<SessionRecord | undefined>;

  /** Whether the session's host watches it, so that it sees offers without other delivery. */
  hostWatches(id: SessionId): boolean;

  /** Service time, and its translation to the wall clock for answers. */
  now(): EpochMs;
  toWall(at: EpochMs): EpochMs;

  readonly tokens: ControllerTokens;
  /** A fresh lease id for an Acquire that may have to grant. */
  nextLeaseId(): LeaseId;
}

/** Renewals of one turn of the event loop, all as of one moment. */
export interface RenewalTurn extends Disposable {
  /**
   * Undefined for one that has to wait. Nothing has happened then, and {@link LeaseService.execute}
   * does it.
   */
  renew(id: SessionId, command: Renew): Outcome<Renew> | undefined;

  /** The moment, and its translation to the wall clock for answers. */
  now(): EpochMs;
  toWall(at: EpochMs): EpochMs;
  hostWatches(id: SessionId): boolean;
}

/** Controller tokens are derived from lease ids, so that they survive restarts unstored. */
export interface ControllerTokens {
  /** The token of a lease, by the key whose hash the lease records. */
  of(leaseId: LeaseId, recorded: readonly TokenHash[]): string;
  /** Hashes of the tokens that the keys derive for a lease: key in use first. */
  hashesOf(leaseId: LeaseId): readonly [TokenHash, ...TokenHash[]];
  hash(token: string): TokenHash;
}

/** Refuses a caller that may not give the command, judged on the record; undefined allows it. */
export type Permit = (record: SessionRecord | undefined) => Refusal | undefined;

export type Outcome<C extends Command> =
  | { readonly kind: "accepted"; readonly session: SessionRecord; readonly answer: AnswerOf<C> }
  | {
      readonly kind: "refused";
      readonly session: SessionRecord | undefined;
      readonly refusal: Refusal;
    };

export interface WatchSelection {
  readonly sessions:
    | { readonly kind: "named"; readonly ids: readonly SessionId[] }
    | { readonly kind: "beach"; readonly beachId: BeachId };
  /** Versions that the reader already has. */
  readonly knownVersions: ReadonlyMap<SessionId, number>;
  /** `host`: the session's host itself reads this. */
  readonly reader: "host" | "manager" | "onlooker";
  /** When the reader's bearer ends, in wall time; unset for a reader without one. */
  readonly bearerEndsAt?: EpochMs | undefined;
}

export interface WatchCaller {
  /** Ends the call by force. */
  readonly reset?: () => void;
  /** The connection that the watch comes by, where several share one. */
  readonly connection?: object | undefined;
  /** Where it comes in, for the figures. */
  readonly door?: string;
}

/** The messages of a watch, fetched at the reader's pace until they are diverted. */
export interface WatchStream extends AsyncIterable<WatchMessage> {
  /**
   * Sends all further messages into the sink, in turns with other watches. The iterator then yields
   * only what ends the stream: the message of a drain, the end, or an error.
   */
  divert(sink: WatchSink): void;
}

/** Takes messages as they come, without a promise for each. */
export interface WatchSink {
  /**
   * Takes a message; false when it takes no other until it has called `onReady`.
   *
   * @param isMore another follows at once, which this one may leave with
   */
  write(message: WatchMessage, isMore: boolean): boolean;
  onReady: () => void;
}

export type WatchMessage =
  | { readonly kind: "state"; readonly session: Session; readonly coalesced: number }
  | {
      readonly kind: "gone";
      readonly sessionId: SessionId;
      readonly reason: string;
      readonly coalesced: number;
    }
  | { readonly kind: "bookmark"; readonly repeatsEveryMs: DurationMs }
  | { readonly kind: "draining"; readonly reconnectAfterMs: DurationMs }
  | { readonly kind: "bearer_expiring"; readonly expiresInMs: DurationMs };

/** The bearer that a stream was opened with has ended, and the grace after its end. */
export class BearerEnded extends Error {
  override readonly name = "BearerEnded";
}

/** The stream of a reader that stopped reading is over; a new one is welcome after the delay. */
export class ReaderStalled extends Error {
  override readonly name = "ReaderStalled";
  readonly retryAfterMs: DurationMs;

  constructor(retryAfterMs: DurationMs) {
    super("The reader took nothing for too long");
    this.retryAfterMs = retryAfterMs;
  }
}

/** Counts and rates over all processes that share the store. */
export interface FleetSummary extends FleetCounts, FleetRates {}
