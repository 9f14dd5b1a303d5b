import type { BeachId, SessionId } from "../core/ids.ts";
import type { Gap, SessionRecord } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import type { Awaitable } from "./awaitable.ts";

/**
 * Where sessions live. Every store keeps the same promises, checked by one conformance suite:
 *
 * - `load`, `list` and change notices show only what is durable, except for what a change declared
 *   `behind`: plain extensions, and that a session was watched.
 * - `commit` takes effect whole or not at all, and at most one of several commits with the same
 *   expected revision does.
 * - A fault of the store throws {@link StoreUnavailable}; a commit that threw may or may not have
 *   taken effect.
 */
export interface SessionStore extends AsyncDisposable {
  /** The newest record, or undefined when nothing is kept under the id. */
  load(id: SessionId): Awaitable<SessionRecord | undefined>;

  /**
   * Replaces the record if its revision is still the expected one. Resolves when the change is
   * durable, or at once when it may be written behind (at most a second later).
   */
  commit(change: SessionChange): Awaitable<"committed" | "conflict">;

  /**
   * Up to `limit` sessions whose deadline is at or before `now`, earliest first. Fewer, even none,
   * while deadlines that moved later stand in front: then `nextDeadline` is still not after `now`.
   */
  due(now: EpochMs, limit: number): Awaitable<readonly SessionId[]>;

  /**
   * The earliest deadline of all, or an earlier moment: a deadline that moved later may still be
   * told at its old place once.
   */
  nextDeadline(): Awaitable<EpochMs | undefined>;

  /**
   * Hands the session out as due no more until then, or until a commit sets its deadline anew. Does
   * not outlast this run.
   */
  postpone(id: SessionId, until: EpochMs): Awaitable<void>;

  /** A page of attached sessions in order of id, those after `after` only. */
  list(page: SessionPage): Awaitable<readonly SessionRecord[]>;

  /** Tells of every committed change, in the order of each session's revisions. */
  changes(listener: (notice: ChangeNotice) => void): Disposable;

  /** Makes a gap durable and gives it the next number. */
  recordGap(gap: Omit<Gap, "number">): Awaitable<Gap>;

  /** The newest gaps, at most {@link gapsMax}, oldest first. */
  gaps(): Awaitable<readonly Gap[]>;

  /** Records that the service was alive and observing at `now`; a gap begins at the last one. */
  recordAlive(now: EpochMs): Awaitable<void>;

  /** The last moment recorded by an earlier run; undefined for a new store. */
  lastAlive(): Awaitable<EpochMs | undefined>;
}

/**
 * How many gaps are remembered, by a store and by whoever decides: one every nine seconds of the
 * day that a session may sleep for until it goes idle. It takes up all that it has slept through
 * when it is loaded, and gets no time back for a gap that is forgotten by then.
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
}

/** The store cannot be reached or cannot write: nothing is known about the call's effect. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}
