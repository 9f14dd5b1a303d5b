import type { Budgets } from "../../budget/budgets.ts";
import type { BeachId, SessionId } from "../../core/ids.ts";
import type { ChangeWatcher } from "../fleet/fleet.ts";
import type { IdSource } from "../id-source.ts";
import {
  BearerEnded,
  ReaderStalled,
  type WatchCaller,
  type WatchMessage,
  type WatchSelection,
  type WatchStream,
} from "../lease-service.ts";
import type { ServiceObserver, WatchEnding } from "../service-events.ts";
import type { ChangeNotice, SessionStore } from "../session-store.ts";
import type { Clock } from "../time/clock.ts";
import { Turns } from "../time/turns.ts";
import { type Change, Fan } from "./fan.ts";
import { WatchBudget } from "./watch-budget.ts";
import { type PassedTime, WatchCatchUp } from "./watch-catch-up.ts";
import { checkEveryMs, WatchDelivery, type WatchFigures } from "./watch-delivery.ts";
import { WatchReader } from "./watch-reader.ts";
import { WatchReaders } from "./watch-readers.ts";
import { WatchedBearer } from "./watched-bearer.ts";

/** How much is done in a turn before others have theirs; a point is about a microsecond. */
const pointsPerTurn = 1_500;
/** What it takes to open a watch, for each name that is read and registered besides. */
const openPoints = 50;
const namePoints = 2;
/** What it takes to end a stream. */
const endPoints = 100;

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
  readonly #delivery: WatchDelivery;
  readonly #catchUp: WatchCatchUp;

  constructor(deps: WatchHubDeps) {
    this.#deps = deps;
    this.#budget = new WatchBudget(deps.budgets);
    const turns = this.#turns;
    const onStalled = (reader: WatchReader): void => this.#observe("stalled", reader);
    this.#delivery = new WatchDelivery({ ...deps, turns, onStalled });
    this.#catchUp = new WatchCatchUp({ ...deps, turns });
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
    this.#eachReader((reader) => {
      const { sessions } = reader;
      if (sessions.kind === "named") {
        this.#turns.spend(sessions.ids.length);
        if (!sessions.ids.some(concerns)) return;
      }
      reader.isBehind = true;
      reader.wake();
    });
  }

  get figures(): WatchFigures {
    return this.#delivery.figures;
  }

  hostWatches(id: SessionId): boolean {
    return this.readers.hostWatches(id);
  }

  /**
   * Asks every reader to reconnect later, and ends its stream: in turns, so that the first have been
   * told when the last are, and the loop never stands still for all of them.
   */
  drain(): void {
    this.#delivery.drain();
    this.#eachReader((reader) => {
      this.#turns.spend(endPoints);
      reader.wake();
    });
  }

  /** Does something for every reader, in turns. */
  #eachReader(work: (reader: WatchReader) => void): void {
    const readers = this.readers[Symbol.iterator]();
    this.#turns.add(() => {
      const { done, value: reader } = readers.next();
      if (done) return false;
      work(reader);
      return true;
    });
  }

  /**
   * Sends bookmarks on silent streams, and ends readers that take nothing, until the signal aborts.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(checkEveryMs, signal);
      const now = clock.now();
      for (const [reader, giveUp] of this.readers.entries()) {
        this.#delivery.check(reader, giveUp, now);
      }
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
      door: caller.door ?? "",
      bookmarkAt: this.#delivery.nextBookmark(),
      bearer:
        bearerEndsAt === undefined
          ? undefined
          : new WatchedBearer(bearerEndsAt, this.#deps.clock.wall()),
    });
    const leave = this.readers.register(reader, {
      reset: caller.reset,
      onLeft: () => this.#observe("closed", reader),
      onLetGo: () => admission.release(),
    });
    this.#observe("opened", reader);
    // The generator of a reader that vanished while it was written to may never be resumed.
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    return {
      [Symbol.asyncIterator]: () => this.#stream(reader, signal, leave),
      divert: (sink) => {
        reader.sink = sink;
        sink.onReady = () => this.#delivery.ready(reader);
      },
    };
  }

  async *#stream(
    reader: WatchReader,
    signal: AbortSignal,
    leave: () => void,
  ): AsyncGenerator<WatchMessage> {
    const snapshot = this.#catchUp.snapshotFor(reader);
    try {
      while (!signal.aborted && !reader.isGone) {
        if (reader.failure !== undefined) throw reader.failure;
        if (this.#delivery.flowsByItself(reader)) {
          await this.#delivery.flowed(reader);
          continue;
        }
        const message = this.#delivery.messageFor(reader);
        if (message !== undefined) {
          reader.isHolding = true;
          yield message;
          this.#delivery.took(reader);
          if (message.kind === "draining") {
            reader.ending = "draining";
            return;
          }
        } else if (!snapshot.isRead) {
          await this.#catchUp.readOn(snapshot);
          reader.hasSnapshot = snapshot.isRead;
          reader.bookmarkDue = snapshot.isRead;
        } else if (reader.isBehind) {
          await this.#catchUp.readAgain(reader, signal);
        } else {
          await reader.waitForNews();
        }
      }
    } catch (error) {
      reader.ending = endingBy(error);
      throw error;
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  #fanOut(id: SessionId, change: Change): void {
    const fan = new Fan(id, change, {
      readersOf: (session, beach) => this.readers.of(session, beach),
      publish: (reader, session, next) => this.#publish(reader, session, next),
    });
    this.#fans.set(id, fan);
    this.#turns.add(() => {
      if (fan.step()) return true;
      this.#fans.delete(id);
      return false;
    });
  }

  /** Publishes a change to a reader, and sends at once what the reader takes. */
  #publish(reader: WatchReader, id: SessionId, { record, merged }: Change): void {
    // Only readers that asked for a session by name learn that it is unknown.
    if (reader.isGone || (record === undefined && reader.sessions.kind === "beach")) return;
    try {
      reader.offer(id, record, merged);
    } catch (error) {
      this.#delivery.fail(reader, error);
      return;
    }
    this.#delivery.send(reader);
  }

  #observe(change: "opened" | "stalled" | "closed", { door, role, ending }: WatchReader): void {
    const ended = change === "closed" ? { ending } : {};
    this.#deps.observe({
      kind: "watch",
      change,
      open: this.readers.size,
      door,
      reader: role,
      ...ended,
    });
  }
}

function endingBy(error: unknown): WatchEnding {
  if (error instanceof ReaderStalled) return "stalled";
  return error instanceof BearerEnded ? "bearer_ended" : "failed";
}

function namesIn({ sessions, knownVersions }: WatchSelection): number {
  return (sessions.kind === "named" ? sessions.ids.length : 0) + knownVersions.size;
}
