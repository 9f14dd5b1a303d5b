import type { BeachId, SessionId } from "../../core/ids.ts";
import type { Turns } from "../time/turns.ts";
import { ReaderIndex, WatchIndex } from "./watch-index.ts";
import type { WatchReader } from "./watch-reader.ts";

/** How many names of a reader that has left are released in one step. */
const namesPerStep = 100;

interface Registration {
  /** Ends the reader's call by force. */
  readonly reset: (() => void) | undefined;
  /** The reader has left: once. */
  readonly onLeft: () => void;
  /** Nothing is kept of it any more. */
  readonly onLetGo: () => void;
}

/** The readers of all open watches, by what they watch. */
export class WatchReaders implements Iterable<WatchReader> {
  readonly #turns: Turns;
  /** Each with what gives it up. */
  readonly #readers = new Map<WatchReader, () => void>();
  readonly bySession: WatchIndex<SessionId> = new WatchIndex();
  readonly byBeach: WatchIndex<BeachId> = new WatchIndex();
  /** Sessions that their own host watches, or watched until a moment ago. */
  readonly hosts: ReaderIndex<SessionId> = new ReaderIndex();

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  get size(): number {
    return this.#readers.size;
  }

  [Symbol.iterator](): Iterator<WatchReader> {
    return this.#readers.keys();
  }

  /** Each reader, and what gives it up. */
  entries(): Iterable<[WatchReader, () => void]> {
    return this.#readers.entries();
  }

  /**
   * Each session that has readers by its name, once; undefined for each name that is another reader's,
   * too, since whoever goes through them has to give others their turn.
   */
  *sessions(): Generator<SessionId | undefined, undefined> {
    for (const reader of [...this]) {
      for (const id of namesOf(reader)) {
        yield this.bySession.isFirst(id, reader) ? id : undefined;
      }
    }
  }

  /** Each private beach that has readers, once. */
  *beaches(): Generator<BeachId, undefined> {
    for (const reader of [...this]) {
      const { sessions } = reader;
      if (sessions.kind !== "beach") continue;
      if (this.byBeach.isFirst(sessions.beachId, reader)) yield sessions.beachId;
    }
  }

  *of(id: SessionId, beachId: BeachId | undefined): Iterable<WatchReader> {
    yield* this.bySession.of(id);
    if (beachId !== undefined) yield* this.byBeach.of(beachId);
  }

  /** Returns the function that undoes it, which may be called more than once. */
  register(reader: WatchReader, { reset, onLeft, onLetGo }: Registration): () => void {
    const { sessions, role } = reader;
    const ids = namesOf(reader);
    const leave = (): void => {
      reader.isGone = true;
      reader.wake();
      if (!this.#readers.delete(reader)) return;
      if (sessions.kind === "beach") {
        this.byBeach.delete(sessions.beachId, reader);
        this.byBeach.noteLeft(sessions.beachId);
      }
      onLeft();
      this.#letGo(reader, ids, onLetGo);
    };
    this.#readers.set(reader, () => {
      reader.ending = "stalled";
      leave();
      reset?.();
    });
    for (const id of ids) this.bySession.add(id, reader);
    if (role === "host") for (const id of ids) this.hosts.add(id, reader);
    if (sessions.kind === "beach") this.byBeach.add(sessions.beachId, reader);
    return leave;
  }

  /** The host of a session watches it. */
  hostWatches(id: SessionId): boolean {
    for (const host of this.hosts.of(id)) if (!host.isGone) return true;
    return false;
  }

  /** A few names a step: many readers may leave at once. */
  #letGo(reader: WatchReader, ids: readonly SessionId[], onLetGo: () => void): void {
    let from = 0;
    this.#turns.add(() => {
      for (const id of ids.slice(from, from + namesPerStep)) {
        this.bySession.delete(id, reader);
        if (reader.role === "host") this.hosts.delete(id, reader);
        if (reader.has(id)) this.bySession.noteLeft(id);
      }
      this.#turns.spend(namesPerStep);
      from += namesPerStep;
      if (from < ids.length) return true;
      onLetGo();
      return false;
    });
  }
}

function namesOf({ sessions }: WatchReader): readonly SessionId[] {
  return sessions.kind === "named" ? sessions.ids : [];
}
