import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { WatchReader } from "./watch-reader.ts";

/** The state that readers of a session get. */
export interface Change {
  readonly record: SessionRecord | undefined;
  readonly beachId: BeachId | undefined;
  /** How many changes right before this one were merged into it. */
  readonly merged: number;
}

interface FanDeps {
  readonly readersOf: (id: SessionId, beachId: BeachId | undefined) => Iterable<WatchReader>;
  readonly publish: (reader: WatchReader, id: SessionId, change: Change) => void;
}

/**
 * Publishes the changes of one session to its readers, one reader a step. Changes that arrive
 * meanwhile are merged, so it holds at most two.
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

  /** Publishes the change after the one in progress. */
  follow(change: Change): void {
    const before = this.#next;
    // How a session ended says more than that it is unknown.
    if (before !== undefined && change.record === undefined) return;
    this.#next = before === undefined ? change : { ...change, merged: before.merged + 1 };
  }

  /** Publishes to one reader; returns whether there are more. */
  step(): boolean {
    const { value, done } = this.#readers.next();
    if (done !== true) {
      this.#deps.publish(value, this.#id, this.#change);
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
