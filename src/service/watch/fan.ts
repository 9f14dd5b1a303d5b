import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { WatchReader } from "./watch-reader.ts";

/** What a session has become, as its readers are told. */
export interface Change {
  readonly record: SessionRecord | undefined;
  readonly beachId: BeachId | undefined;
  /** How many changes right before this one nobody is told of. */
  readonly merged: number;
}

interface FanDeps {
  readonly readersOf: (id: SessionId, beachId: BeachId | undefined) => Iterable<WatchReader>;
  readonly tell: (reader: WatchReader, id: SessionId, change: Change) => void;
}

/**
 * Tells the readers of one session of its changes, a reader a step. While it is at work on one
 * change, those that follow are merged, so that it holds two changes at most.
 */
export class Fan {
  readonly #deps: FanDeps;
  readonly #id: SessionId;
  #change: Change;
  #readers: Iterator<WatchReader>;
  #next: Change | undefined;

  constructor(id: SessionId, change: Change, deps: FanDeps) {
    this.#deps = deps;
    this.#id = id;
    this.#change = change;
    this.#readers = this.#begin(change);
  }

  /** Tells of the change as well, once the one at work has been told. */
  follow(change: Change): void {
    const before = this.#next;
    // That nobody knows a session any more says less than how it came to its end.
    if (before !== undefined && change.record === undefined) return;
    this.#next = before === undefined ? change : { ...change, merged: before.merged + 1 };
  }

  /** Tells one reader; answers whether there are more. */
  step(): boolean {
    const { value, done } = this.#readers.next();
    if (done !== true) {
      this.#deps.tell(value, this.#id, this.#change);
      return true;
    }
    if (this.#next === undefined) return false;
    this.#change = this.#next;
    this.#next = undefined;
    this.#readers = this.#begin(this.#change);
    return true;
  }

  #begin({ beachId }: Change): Iterator<WatchReader> {
    return this.#deps.readersOf(this.#id, beachId)[Symbol.iterator]();
  }
}
