import type { Scheduled } from "../core/deadlines/deadline.ts";
import type { BeachId, SessionId } from "../core/ids.ts";
import type { Gap, SessionRecord } from "../core/session.ts";
import type { DurationMs, EpochMs } from "../core/time.ts";
import type { FleetCounts, RateCounter, Tally } from "./figures/fleet-counts.ts";

/** Where sessions live: a store of one process, or one shared by any number of them. */
export type SessionStore = SoleStore | SharedStore;

/**
 * What every store promises, checked by one conformance suite:
 *
 * - `load`, `list` and change notices show only what is durable, except for what a change declared
 *   `behind`: plain extensions, and that a session was watched.
 * - `commit` takes effect whole or not at all, and at most one of several commits with the same
 *   expected revision does.
 * - A fault of the store throws a {@link StoreFault}, whose class says whom it concerns; a commit
 *   that threw may or may not have taken effect.
 * - A list passes over sessions whose records cannot be read.
 */
export interface KeptSessions extends AsyncDisposable {
  /** The newest record, or undefined when nothing is kept under the id. */
  load(id: SessionId): Promise<SessionRecord | undefined>;

  /**
   * Replaces the record if its revision is still the expected one. Resolves when the change is
   * durable, or at once when it may be written behind (at most a second later).
   */
  commit(change: SessionChange): Promise<CommitResult>;

  /**
   * Up to `limit` sessions whose deadline is at or before `now`, earliest first. Fewer, even none,
   * while deadlines that moved later stand in front: then `nextDeadline` is still not after `now`.
   */
  due(now: EpochMs, limit: number): Promise<readonly SessionId[]>;

  /**
   * The earliest deadline of all; an earlier moment while many deadlines that moved later are still
   * at their old places.
   */
  nextDeadline(): Promise<EpochMs | undefined>;

  /** Does not return the session as due again until then, or until a commit sets its deadline. */
  postpone(id: SessionId, until: EpochMs): Promise<void>;

  /** A page of attached sessions in order of id, those after `after` only. */
  list(page: SessionPage): Promise<readonly SessionRecord[]>;

  /** Publishes every change that this process commits, in the order of each session's revisions. */
  changes(listener: (notice: ChangeNotice) => void): Disposable;
}

/** `unaware`: the change was decided without a gap, or an incarnation, that its bucket has on record. */
export type CommitResult = "committed" | "conflict" | "unaware";

/** A record with the deadline that was committed with it. */
export type Peeked = Scheduled | undefined | "pending";

/**
 * A store that one process holds and no other can open. Only that process knows when it was away.
 */
export interface SoleStore extends KeptSessions {
  readonly kind: "sole";

  commit(change: SessionChange): Promise<"committed" | "conflict">;

  /**
   * What `load` would resolve with, without waiting, and its deadline. With {@link
   * SoleStore.commitNow}, a renewal takes no turn of the event loop. `pending` when it has to wait,
   * and while the session is postponed.
   */
  peek(id: SessionId): Peeked;

  /**
   * Commits a change that may be written behind, without waiting. False when that is impossible or
   * the change no longer fits; nothing has happened then.
   */
  commitNow(change: SessionChange): boolean;

  /** Counts of the sessions that it shows. */
  readonly tally: Tally;

  /** Writes take so long at present that callers wait too long for them. */
  readonly isLate: boolean;

  /** Makes a gap durable and gives it the next number. */
  recordGap(gap: Omit<Gap, "number">): Promise<Gap>;

  /** The newest gaps, at most {@link gapsMax}, oldest first. */
  gaps(): Promise<readonly Gap[]>;

  /**
   * The incarnation of the store: how often it lost the newest part of what it held before it was
   * opened, as when a backup was restored; 0 if never. Sessions take it up as they do gaps, so no
   * counter repeats.
   */
  incarnation(): Promise<number>;

  /** Records that the service was alive at that moment. A gap begins at the last recorded one. */
  recordAlive(at: EpochMs): Promise<void>;

  /**
   * From now on every write records a moment alive too: the one that this function returns then.
   *
   * @param aliveUntil returns no moment later than the beginning of an unrecorded stretch
   */
  aliveBy(aliveUntil: () => EpochMs): void;

  /** The last moment recorded by an earlier run; undefined for a new store. */
  lastAlive(): Promise<EpochMs | undefined>;
}

/**
 * A store that any number of processes share. Its sessions are spread over buckets, each of which
 * is reached or lost as a whole. A gap is a stretch in which no process reached a bucket.
 *
 * Rates are those of all processes together, each as of its last heartbeats.
 */
export interface SharedStore extends KeptSessions, RateCounter {
  readonly kind: "shared";
  /** How many there are, numbered from 0. */
  readonly buckets: number;
  bucketOf(id: SessionId): number;

  /**
   * What this process remembers of a session, which others may have changed since: a decision made
   * on it counts only once it is committed.
   */
  recall(id: SessionId): SessionRecord | undefined;

  /** Records that this process reaches the bucket, and returns what the bucket has on record. */
  heartbeat(bucket: number, heartbeat: Heartbeat): Promise<HeartbeatAnswer>;

  /** Publishes the changes of other processes. */
  follow(follower: Follower): Disposable;

  /** Counts over all sessions, or over those of one beach. */
  count(beachId: BeachId | undefined): Promise<FleetCounts>;

  /** What is wrong with the servers at present, with its remedy, though they answer. */
  readonly faults: readonly string[];

  /**
   * Handshakes in flight towards one manager: those of this process now, those of others as of the
   * last heartbeats.
   */
  negotiationsInFlight(managerUrl: string): number;
}

export interface Heartbeat {
  readonly now: EpochMs;
  /**
   * A gap lies between this heartbeat and the last one of any process if that is older than this.
   */
  readonly quietMs: DurationMs;
  /** What such a gap would be. */
  readonly kind: Gap["kind"];
  /** The newest gap that the caller knows; 0 for none. */
  readonly after: number;
}

export interface HeartbeatAnswer {
  /** The gaps that the caller does not know, oldest first. */
  readonly gaps: readonly Gap[];
  /** The bucket's incarnation. It rises when the store may have lost what it had shown. */
  readonly incarnation: number;
}

/** Is notified of the changes of other processes. */
export interface Follower {
  /** Whether changes of this session are of interest. Others are not loaded. */
  isWanted(id: SessionId, beachId: BeachId): boolean;
  /** The newest state of a session that another process changed. */
  changed(id: SessionId, record: SessionRecord | undefined): void;
  /** Notices of a bucket were lost. Everything of interest must be read again. */
  missed(bucket: number): void;
}

/** What a decision knew about its bucket. */
export interface DecisionBasis {
  /** The newest gap and the incarnation that the decision took into account. */
  readonly gap: number;
  readonly incarnation: number;
  /** Some process must have reached the bucket at or after this moment. */
  readonly reachedSince: EpochMs;
}

/**
 * How many gaps a store and a process remember: one every nine seconds of the day after which an
 * unused session goes idle. A session takes up the gaps since its last use when it is loaded. A
 * forgotten gap moves none of its deadlines.
 */
export const gapsMax = 10_000;

export interface SessionChange {
  /** The record before, undefined when the session becomes known by this change. */
  readonly previous: SessionRecord | undefined;
  /** The record after; its revision is above that of `previous`. Undefined: forget it. */
  readonly next: SessionRecord | undefined;
  readonly id: SessionId;
  /** When time itself next changes something about the record. */
  readonly deadline: EpochMs | undefined;
  readonly durability: "durable" | "behind";
  /** Required by shared stores only. */
  readonly basis?: DecisionBasis;
}

export interface ChangeNotice {
  readonly id: SessionId;
  readonly previous: SessionRecord | undefined;
  readonly next: SessionRecord | undefined;
}

export interface SessionPage {
  readonly beachId: BeachId | undefined;
  readonly after: SessionId | undefined;
  readonly limit: number;
  /** These sessions will be read again soon: a store that holds records keeps them decoded. */
  readonly isWatched?: boolean;
}

/** A failure of the store that no call reports. */
export interface StoreFailure {
  readonly where: "record" | "lost session" | "lost keys" | "unfit store";
  readonly error: Error;
  /** Set where it concerns one session. */
  readonly sessionId?: SessionId;
}

/** A call of the store failed: nothing is known about its effect. */
export class StoreFault extends Error {}

/** The store, or the session's part of it, cannot be reached or cannot write. */
export class StoreUnavailable extends StoreFault {
  override readonly name = "StoreUnavailable";
}

/** This process cannot use the record of one session. No other session is affected. */
export class SessionUnreadable extends StoreFault {
  override readonly name = "SessionUnreadable";
  readonly sessionId: SessionId;

  constructor(sessionId: SessionId, why: string, options?: ErrorOptions) {
    super(`The record of session '${sessionId}' cannot be used: ${why}`, options);
    this.sessionId = sessionId;
  }
}

/** The store has the change, with fewer copies than required. */
export class ChangeUnacknowledged extends StoreFault {
  override readonly name = "ChangeUnacknowledged";
}
