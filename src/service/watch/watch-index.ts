import { SpreadMap } from "../../collections/spread-map.ts";
import type { WatchReader } from "./watch-reader.ts";

/**
 * Readers under a key; a key without readers is not kept. Most keys have one reader, for which no
 * set is made.
 */
export class ReaderIndex<K extends string> {
  readonly #readers = new SpreadMap<K, WatchReader | Set<WatchReader>>();

  /** How many keys have readers. */
  get size(): number {
    return this.#readers.size;
  }

  of(key: K): Iterable<WatchReader> {
    const readers = this.#readers.get(key);
    if (readers === undefined) return [];
    return readers instanceof Set ? readers : [readers];
  }

  has(key: K): boolean {
    return this.#readers.has(key);
  }

  /** Of the readers of a key, exactly one is the first. */
  isFirst(key: K, reader: WatchReader): boolean {
    const [first] = this.of(key);
    return first === reader;
  }

  add(key: K, reader: WatchReader): void {
    const readers = this.#readers.get(key);
    if (readers === undefined) this.#readers.set(key, reader);
    else if (readers instanceof Set) readers.add(reader);
    else if (readers !== reader) this.#readers.set(key, new Set([readers, reader]));
  }

  delete(key: K, reader: WatchReader): void {
    const readers = this.#readers.get(key);
    if (readers instanceof Set) readers.delete(reader);
    if (readers === reader || (readers instanceof Set && readers.size === 0)) {
      this.#readers.delete(key);
    }
  }
}

/** Remembers as well which keys lost their last reader, until that has been noted. */
export class WatchIndex<K extends string> extends ReaderIndex<K> {
  #left = new Set<K>();
  #taken: ReadonlySet<K> = new Set<K>();

  /** A reader has left the key that is worth a note, if it was the last. */
  noteLeft(key: K): void {
    if (!this.has(key)) this.#left.add(key);
  }

  /** Has a reader, or had one until a moment ago. */
  hadLately(key: K): boolean {
    return this.has(key) || this.#left.has(key) || this.#taken.has(key);
  }

  /** The keys that lost their last reader since this was last asked. */
  takeLeft(): ReadonlySet<K> {
    this.#taken = this.#left;
    this.#left = new Set();
    return this.#taken;
  }
}
