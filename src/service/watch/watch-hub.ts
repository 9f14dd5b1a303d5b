import type { PassTime } from "../../core/command.ts";
import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { Awaitable } from "../awaitable.ts";
import type { Clock } from "../clock.ts";
import type { IdSource } from "../id-source.ts";
import {
  type Outcome,
  ReaderStalled,
  type WatchMessage,
  type WatchSelection,
} from "../lease-service.ts";
import type { ServiceObserver } from "../service-events.ts";
import {
  type ChangeNotice,
  type Follower,
  type SessionStore,
  StoreUnavailable,
} from "../session-store.ts";
import { ReaderIndex, WatchIndex } from "./watch-index.ts";
import { WatchReader } from "./watch-reader.ts";
import { WatchSnapshot } from "./watch-snapshot.ts";

/** How often every reader is looked at. */
const lookEveryMs: DurationMs = 1_000;
/** The longest silence on a stream; each is broken up to that much earlier, not all at once. */
const bookmarkEveryMs: DurationMs = 15_000;
const bookmarkSpreadMs: DurationMs = 4_000;
/** Reconnections after a drain, or of readers that stalled, are spread between these two. */
const reconnectMsMin: DurationMs = 500;
const reconnectMsMax: DurationMs = 5_000;
/** A reader that takes nothing for this long has its stream ended … */
const stalledMs: DurationMs = 60_000;
/** … and broken off when it does not even take that. */
const farewellMs: DurationMs = 5_000;

/** What letting time pass for a session comes to, as far as it matters here. */
type PassedTime =
  | Pick<Extract<Outcome<PassTime>, { kind: "accepted" }>, "kind">
  | Pick<Extract<Outcome<PassTime>, { kind: "refused" }>, "kind" | "refusal">;

interface WatchHubDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly observe: ServiceObserver;
  readonly passTime: (id: SessionId) => Awaitable<PassedTime>;
}

/**
 * Streams transport truth: register, then read, then stream. A reader is registered before the
 * current states are read, so that no change falls between the two.
 */
export class WatchHub implements Follower {
  readonly #deps: WatchHubDeps;
  /** Each with what it asked for, and what gives it up. */
  readonly #readers = new Map<WatchReader, Registration>();
  readonly bySession: WatchIndex<SessionId> = new WatchIndex();
  readonly byBeach: WatchIndex<BeachId> = new WatchIndex();
  readonly #hosts = new ReaderIndex<SessionId>();
  #draining = false;

  constructor(deps: WatchHubDeps) {
    this.#deps = deps;
  }

  /** A change of a session goes to those that watch it or its private beach. */
  notify({ id, previous, next }: ChangeNotice): void {
    if (previous !== undefined && previous.version === next?.version) return;
    for (const reader of this.bySession.of(id)) reader.offer(id, next);
    const beachId = next?.beachId ?? previous?.beachId;
    if (beachId === undefined) return;
    for (const reader of this.byBeach.of(beachId)) {
      // Readers of a beach would otherwise remember every session that ever was.
      if (next === undefined) reader.forget(id);
      else reader.offer(id, next);
    }
  }

  isWanted(id: SessionId, beachId: BeachId): boolean {
    return this.bySession.has(id) || this.byBeach.has(beachId);
  }

  tell(id: SessionId, next: SessionRecord | undefined): void {
    this.notify({ id, previous: undefined, next });
  }

  /** Whoever may have been owed a change of the bucket reads everything again, at its own pace. */
  missed(bucket: number): void {
    for (const [reader, { selection }] of this.#readers) {
      if (!this.#concerns(selection, bucket)) continue;
      reader.isBehind = true;
      reader.wake();
    }
  }

  hostWatches(id: SessionId): boolean {
    return this.#hosts.has(id);
  }

  /** Tells every reader to come back later, and ends their streams. */
  drain(): void {
    this.#draining = true;
    for (const reader of this.#readers.keys()) reader.wake();
  }

  /** Breaks silences, and gives up readers that take nothing, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal);
      const now = clock.now();
      for (const [reader, { giveUp }] of this.#readers) this.#look(reader, giveUp, now);
    }
  }

  /**
   * Streams until the signal aborts, or until the service drains. A reader that stops reading is
   * ended with {@link ReaderStalled}; one that does not read even that is forgotten, and `breakOff`
   * called once.
   */
  async *watch(
    selection: WatchSelection,
    signal: AbortSignal,
    breakOff?: () => void,
  ): AsyncGenerator<WatchMessage> {
    if (signal.aborted) return;
    const reader = new WatchReader(selection.knownVersions, this.#nextBookmark());
    const leave = this.#register(reader, selection, breakOff);
    // The generator of a reader that vanished while it was written to may never be resumed.
    signal.addEventListener("abort", leave, { once: true });
    const snapshot = new WatchSnapshot(this.#deps.store, selection, reader);
    try {
      while (!signal.aborted) {
        const message = this.#messageFor(reader);
        if (message !== undefined) {
          reader.isHolding = true;
          yield message;
          this.#tookIt(reader);
          if (message.kind === "draining") return;
        } else if (!snapshot.isRead) {
          await snapshot.readOn();
          reader.bookmarkDue = snapshot.isRead;
        } else if (reader.isBehind) {
          await this.#readAgain(reader, selection, signal);
        } else {
          await reader.waitForNews();
        }
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  /** Who has a stream keeps it: a store that is away is asked again when it may be back. */
  async #readAgain(
    reader: WatchReader,
    selection: WatchSelection,
    signal: AbortSignal,
  ): Promise<void> {
    reader.isBehind = false;
    reader.ahead.clear();
    const snapshot = new WatchSnapshot(this.#deps.store, selection, reader);
    try {
      while (!snapshot.isRead && !signal.aborted) await snapshot.readOn();
      if (await this.#liftLost(reader)) return;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
    reader.isBehind = true;
    await this.#deps.clock.sleep(lookEveryMs, signal);
  }

  /**
   * Versions only rise on a stream: of a session of which the store lost what the reader was told,
   * the reader takes nothing until its counters are lifted, which happens when it is next touched.
   * Answers whether all of them could be.
   */
  async #liftLost(reader: WatchReader): Promise<boolean> {
    const outcomes = [...reader.ahead].map((id) => this.#deps.passTime(id));
    return (await Promise.all(outcomes)).every(
      (outcome) => outcome.kind === "accepted" || outcome.refusal.reason === "SESSION_UNREADABLE",
    );
  }

  /** What to tell next: of a drain at once, for what else there is can be had elsewhere. */
  #messageFor(reader: WatchReader): WatchMessage | undefined {
    if (this.#draining) return { kind: "draining", reconnectAfterMs: this.#reconnectAfterMs() };
    const message = reader.take();
    if (message !== undefined || !reader.bookmarkDue) return message;
    reader.bookmarkDue = false;
    return { kind: "bookmark", repeatsEveryMs: bookmarkEveryMs };
  }

  #tookIt(reader: WatchReader): void {
    reader.isHolding = false;
    if (reader.heldMs >= stalledMs) throw new ReaderStalled(this.#reconnectAfterMs());
    reader.heldMs = 0;
    reader.bookmarkAt = this.#nextBookmark();
  }

  /** Counts looks and not moments: while this process stood still nobody could take anything. */
  #look(reader: WatchReader, giveUp: () => void, now: EpochMs): void {
    if (reader.isHolding) {
      reader.heldMs += lookEveryMs;
      if (reader.heldMs === stalledMs) this.#observe("stalled");
      if (reader.heldMs >= stalledMs + farewellMs) giveUp();
    } else if (now >= reader.bookmarkAt) {
      reader.bookmarkDue = true;
      reader.wake();
    }
  }

  #nextBookmark(): EpochMs {
    const early = lookEveryMs + bookmarkSpreadMs * this.#deps.ids.jitter();
    return this.#deps.clock.now() + bookmarkEveryMs - early;
  }

  #reconnectAfterMs(): DurationMs {
    const spread = (reconnectMsMax - reconnectMsMin) * this.#deps.ids.jitter();
    return Math.round(reconnectMsMin + spread);
  }

  /** Answers with what undoes it, in any number of calls. */
  #register(
    reader: WatchReader,
    selection: WatchSelection,
    breakOff: (() => void) | undefined,
  ): () => void {
    const { sessions, reader: role } = selection;
    const ids = sessions.kind === "named" ? new Set(sessions.ids) : [];
    const leave = (): void => {
      reader.wake();
      if (!this.#readers.delete(reader)) return;
      for (const id of ids) this.bySession.delete(id, reader);
      if (role === "host") for (const id of ids) this.#hosts.delete(id, reader);
      if (sessions.kind === "beach") this.byBeach.delete(sessions.beachId, reader);
      this.#observe("closed");
    };
    const giveUp = (): void => {
      leave();
      breakOff?.();
    };
    this.#readers.set(reader, { selection, giveUp });
    for (const id of ids) this.bySession.add(id, reader);
    if (role === "host") for (const id of ids) this.#hosts.add(id, reader);
    if (sessions.kind === "beach") this.byBeach.add(sessions.beachId, reader);
    this.#observe("opened");
    return leave;
  }

  #concerns({ sessions }: WatchSelection, bucket: number): boolean {
    const { store } = this.#deps;
    if (store.kind === "sole" || sessions.kind === "beach") return true;
    return sessions.ids.some((id) => store.bucketOf(id) === bucket);
  }

  #observe(change: "opened" | "stalled" | "closed"): void {
    this.#deps.observe({ kind: "watch", change, open: this.#readers.size });
  }
}

interface Registration {
  readonly selection: WatchSelection;
  readonly giveUp: () => void;
}
