import type { Budgets } from "../../budget/budgets.ts";
import type { PassTime } from "../../core/command.ts";
import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { Clock } from "../clock.ts";
import type { ChangeWatcher } from "../fleet/fleet.ts";
import type { IdSource } from "../id-source.ts";
import {
  type Outcome,
  ReaderStalled,
  type WatchCaller,
  type WatchMessage,
  type WatchSelection,
  type WatchStream,
} from "../lease-service.ts";
import type { ServiceObserver } from "../service-events.ts";
import { type ChangeNotice, type SessionStore, StoreUnavailable } from "../session-store.ts";
import { Turns } from "../turns.ts";
import { type Change, Fan } from "./fan.ts";
import { WatchBudget } from "./watch-budget.ts";
import { WatchReader } from "./watch-reader.ts";
import { WatchReaders } from "./watch-readers.ts";
import { WatchSnapshot } from "./watch-snapshot.ts";
import { WatchedBearer } from "./watched-bearer.ts";

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
/** … and its stream is reset when it does not even take that. */
const farewellMs: DurationMs = 5_000;

/** How much is done in a turn before others have theirs; a point is about a microsecond. */
const pointsPerTurn = 1_500;
/** What it takes to write a message, to read a page of a snapshot, and to touch a session. */
const writePoints = 12;
const pagePoints = 300;
const touchPoints = 20;
/** What it takes to open a watch, for each name that is read and registered besides. */
const openPoints = 50;
const namePoints = 2;
/** How many sessions are touched side by side. */
const touched = 25;

/** The result of letting time pass for a session, as far as it matters here. */
type PassedTime =
  | { readonly kind: "accepted"; readonly session?: SessionRecord | undefined }
  | Pick<Extract<Outcome<PassTime>, { kind: "refused" }>, "kind" | "refusal">;

interface WatchHubDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly budgets: Budgets;
  readonly observe: ServiceObserver;
  readonly passTime: (id: SessionId) => Promise<PassedTime>;
}

/**
 * Streams transport truth: register, then read, then stream. A reader is registered before the
 * current states are read, so that no change falls between the two. Long work, such as publishing
 * to many readers, is done in turns.
 */
export class WatchHub implements ChangeWatcher {
  readonly #deps: WatchHubDeps;
  readonly #turns = new Turns(pointsPerTurn);
  readonly #budget: WatchBudget;
  /** Sessions whose changes are being published. */
  readonly #fans = new Map<SessionId, Fan>();
  readonly readers: WatchReaders = new WatchReaders(this.#turns);
  #draining = false;

  constructor(deps: WatchHubDeps) {
    this.#deps = deps;
    this.#budget = new WatchBudget(deps.budgets);
  }

  /** Resolves when a watch with so many names may be opened; rejects when there is no room. */
  async turnFor(names: number, connection: object | undefined): Promise<void> {
    this.#budget.expectRoom(names, connection);
    await this.#turns.room(openPoints + names * namePoints);
  }

  /** A change of a session goes to those that watch it or its private beach. */
  notify({ id, previous, next: record }: ChangeNotice): void {
    if (previous !== undefined && previous.version === record?.version) return;
    const beachId = record?.beachId ?? previous?.beachId;
    const isWatched = beachId !== undefined && this.readers.byBeach.has(beachId);
    if (!isWatched && !this.readers.bySession.has(id)) return;
    const change: Change = { record, beachId, merged: 0 };
    const atWork = this.#fans.get(id);
    if (atWork === undefined) this.#fanOut(id, change);
    else atWork.follow(change);
  }

  isWanted(id: SessionId, beachId: BeachId): boolean {
    return this.readers.bySession.has(id) || this.readers.byBeach.has(beachId);
  }

  /** Every reader that may have missed such a change reads everything again, at its own pace. */
  missed(concerns: (id: SessionId) => boolean): void {
    for (const reader of this.readers) {
      const { sessions } = reader;
      if (sessions.kind === "named" && !sessions.ids.some(concerns)) continue;
      reader.isBehind = true;
      reader.wake();
    }
  }

  hostWatches(id: SessionId): boolean {
    return this.readers.hosts.has(id);
  }

  /** Asks every reader to reconnect later, and ends its stream. */
  drain(): void {
    this.#draining = true;
    for (const reader of this.readers) reader.wake();
  }

  /**
   * Sends bookmarks on silent streams, and ends readers that take nothing, until the signal aborts.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal);
      const now = clock.now();
      for (const [reader, giveUp] of this.readers.entries()) this.#look(reader, giveUp, now);
    }
  }

  /**
   * Streams until the signal aborts, or until the service drains. A reader that stops reading is
   * ended with {@link ReaderStalled}; one that does not read even that is forgotten, and `reset`
   * called once. Throws {@link BudgetSpent} where there is no room.
   */
  watch(selection: WatchSelection, signal: AbortSignal, caller: WatchCaller = {}): WatchStream {
    const admission = this.#budget.admit(namesIn(selection), caller.connection);
    const { bearerEndsAt } = selection;
    const reader = new WatchReader(selection, admission, {
      bookmarkAt: this.#nextBookmark(),
      bearer:
        bearerEndsAt === undefined
          ? undefined
          : new WatchedBearer(bearerEndsAt, this.#deps.clock.wall()),
    });
    const leave = this.readers.register(reader, {
      reset: caller.reset,
      onLeft: () => this.#observe("closed"),
      onLetGo: () => admission.release(),
    });
    this.#observe("opened");
    // The generator of a reader that vanished while it was written to may never be resumed.
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    return {
      [Symbol.asyncIterator]: () => this.#stream(reader, signal, leave),
      divert: (sink) => {
        reader.sink = sink;
        sink.onReady = () => this.#ready(reader);
      },
    };
  }

  async *#stream(
    reader: WatchReader,
    signal: AbortSignal,
    leave: () => void,
  ): AsyncGenerator<WatchMessage> {
    const snapshot = new WatchSnapshot(this.#deps.store, reader);
    try {
      while (!signal.aborted && !reader.isGone) {
        if (reader.failure !== undefined) throw reader.failure;
        if (this.#flowsByItself(reader)) {
          await this.#flowed(reader);
          continue;
        }
        const message = this.#messageFor(reader);
        if (message !== undefined) {
          reader.isHolding = true;
          yield message;
          this.#tookIt(reader);
          if (message.kind === "draining") return;
        } else if (!snapshot.isRead) {
          await this.#readOn(snapshot);
          reader.hasSnapshot = snapshot.isRead;
          reader.bookmarkDue = snapshot.isRead;
        } else if (reader.isBehind) {
          await this.#readAgain(reader, signal);
        } else {
          await reader.waitForNews();
        }
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  async #readOn(snapshot: WatchSnapshot): Promise<void> {
    await this.#turns.room(pagePoints);
    await snapshot.readOn();
  }

  /** Open streams stay open. A store that is away is asked again later. */
  async #readAgain(reader: WatchReader, signal: AbortSignal): Promise<void> {
    reader.isBehind = false;
    reader.ahead.clear();
    const snapshot = new WatchSnapshot(this.#deps.store, reader);
    try {
      while (!snapshot.isRead && !signal.aborted) await this.#readOn(snapshot);
      if (await this.#liftLost(reader)) return;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
    reader.isBehind = true;
    await this.#deps.clock.sleep(lookEveryMs, signal);
  }

  /**
   * Versions only rise on a stream. When the store lost a state that the reader has, the reader
   * takes no state of that session until its counters are lifted, which happens when it is next
   * touched. A session without a record is sent as gone. Returns whether all of them could be
   * looked at.
   */
  async #liftLost(reader: WatchReader): Promise<boolean> {
    const ids = [...reader.ahead];
    let all = true;
    for (let from = 0; from < ids.length; from += touched) {
      const part = ids.slice(from, from + touched);
      await this.#turns.room(part.length * touchPoints);
      const outcomes = await Promise.all(part.map((id) => this.#deps.passTime(id)));
      all &&= outcomes.every(
        (outcome) => outcome.kind === "accepted" || outcome.refusal.reason === "SESSION_UNREADABLE",
      );
      for (const [index, id] of part.entries()) {
        const outcome = outcomes[index];
        if (outcome?.kind === "accepted" && isGone(outcome)) reader.lose(id);
      }
    }
    return all;
  }

  #fanOut(id: SessionId, change: Change): void {
    const fan = new Fan(id, change, {
      readersOf: (session, beach) => this.readers.of(session, beach),
      tell: (reader, session, told) => this.#tell(reader, session, told),
    });
    this.#fans.set(id, fan);
    this.#turns.add(() => {
      if (fan.step()) return true;
      this.#fans.delete(id);
      return false;
    });
  }

  /** Publishes a change to a reader, and sends at once what the reader takes. */
  #tell(reader: WatchReader, id: SessionId, { record, merged }: Change): void {
    // Only readers that asked for a session by name are told that it is unknown.
    if (reader.isGone || (record === undefined && reader.sessions.kind === "beach")) return;
    try {
      reader.offer(id, record, merged);
    } catch (error) {
      this.#fail(reader, error);
      return;
    }
    if (reader.sink !== undefined && !reader.isFlowing && this.#sendNext(reader))
      this.#flow(reader);
  }

  /** Sends messages into the reader's sink until the service drains. */
  #flowsByItself(reader: WatchReader): boolean {
    if (reader.sink === undefined) return false;
    return reader.isHolding || (reader.hasNews && !this.#draining);
  }

  /** Resolves when the reader has taken everything, or is woken for another reason. */
  async #flowed(reader: WatchReader): Promise<void> {
    this.#flow(reader);
    if (!this.#flowsByItself(reader) || reader.failure !== undefined) return;
    reader.isAwaited = true;
    await reader.waitToBeWoken();
    reader.isAwaited = false;
  }

  /** Sends what waits for the reader, message by message. */
  #flow(reader: WatchReader): void {
    if (reader.isFlowing || reader.isHolding) return;
    reader.isFlowing = true;
    this.#turns.add(() => {
      if (this.#sendNext(reader)) return true;
      reader.isFlowing = false;
      if (reader.isAwaited && !reader.isHolding) reader.wake();
      return false;
    });
  }

  /** Sends one message into the sink; answers whether another may follow. */
  #sendNext(reader: WatchReader): boolean {
    const { sink } = reader;
    if (sink === undefined || reader.isHolding || reader.isGone || this.#draining) return false;
    this.#turns.spend(writePoints);
    try {
      const message = this.#messageFor(reader);
      if (message === undefined) return false;
      reader.isHolding = !sink.write(message);
    } catch (error) {
      return this.#fail(reader, error);
    }
    if (reader.isHolding) return false;
    reader.bookmarkAt = this.#nextBookmark();
    return reader.hasNews;
  }

  /** The sink takes another message. */
  #ready(reader: WatchReader): void {
    if (reader.isGone) return;
    try {
      this.#tookIt(reader);
    } catch (error) {
      this.#fail(reader, error);
      return;
    }
    if (reader.hasNews && !this.#draining) this.#flow(reader);
    else if (reader.isAwaited) reader.wake();
  }

  #fail(reader: WatchReader, error: unknown): false {
    reader.failure = error;
    reader.wake();
    return false;
  }

  /** The next message. A drain comes first, since other processes have the rest. */
  #messageFor(reader: WatchReader): WatchMessage | undefined {
    if (this.#draining) return { kind: "draining", reconnectAfterMs: this.#reconnectAfterMs() };
    if (reader.bearer?.isWarningDue === true) {
      const expiresInMs = reader.bearer.warn(this.#deps.clock.wall());
      return { kind: "bearer_expiring", expiresInMs };
    }
    const message = reader.take();
    if (message !== undefined || !reader.hasNews) return message;
    reader.bookmarkDue = false;
    return { kind: "bookmark", repeatsEveryMs: bookmarkEveryMs };
  }

  #tookIt(reader: WatchReader): void {
    reader.isHolding = false;
    if (reader.heldMs >= stalledMs) throw new ReaderStalled(this.#reconnectAfterMs());
    reader.heldMs = 0;
    reader.bookmarkAt = this.#nextBookmark();
  }

  /** Counts looks and not time: while this process stood still no reader could take anything. */
  #look(reader: WatchReader, giveUp: () => void, now: EpochMs): void {
    this.#lookAtBearer(reader);
    if (reader.isHolding) {
      reader.heldMs += lookEveryMs;
      if (reader.heldMs === stalledMs) this.#observe("stalled");
      if (reader.heldMs >= stalledMs + farewellMs) giveUp();
    } else if (now >= reader.bookmarkAt) {
      reader.bookmarkDue = true;
      if (reader.sink === undefined) reader.wake();
      else this.#flow(reader);
    }
  }

  #lookAtBearer(reader: WatchReader): void {
    const { bearer } = reader;
    if (bearer === undefined || reader.failure !== undefined) return;
    try {
      bearer.look(this.#deps.clock.wall());
    } catch (error) {
      this.#fail(reader, error);
      return;
    }
    if (!bearer.isWarningDue || reader.isHolding) return;
    if (reader.sink === undefined) reader.wake();
    else this.#flow(reader);
  }

  #nextBookmark(): EpochMs {
    const early = lookEveryMs + bookmarkSpreadMs * this.#deps.ids.jitter();
    return this.#deps.clock.now() + bookmarkEveryMs - early;
  }

  #reconnectAfterMs(): DurationMs {
    const spread = (reconnectMsMax - reconnectMsMin) * this.#deps.ids.jitter();
    return Math.round(reconnectMsMin + spread);
  }

  #observe(change: "opened" | "stalled" | "closed"): void {
    this.#deps.observe({ kind: "watch", change, open: this.readers.size });
  }
}

function namesIn({ sessions, knownVersions }: WatchSelection): number {
  return (sessions.kind === "named" ? sessions.ids.length : 0) + knownVersions.size;
}

/** The store was asked just now, and knows nothing of the session. */
function isGone(outcome: Extract<PassedTime, { kind: "accepted" }>): boolean {
  return "session" in outcome && outcome.session === undefined;
}
