/** So many may have been removed before the rest moves to a table of its own. */
const removedMax = 100;

/**
 * A map for entries that come and go by the thousand: calls, streams, requests to a store.
 *
 * V8 outgrows the table behind a `Map` again and again as entries come and go, and each such table
 * keeps its entries and leads to the one that took its place. Once a full collection has moved one of
 * them to the old generation, young collections see through it all that has been in the map since:
 * everything that was ever removed stays until the next full collection, and young collections copy it,
 * for 30 ms at a time. This one moves to a new `Map` before that is much. It has all that Node may ask of
 * a `Map`, since Node keeps the streams of HTTP/2 in one.
 */
export class ChurnMap<K, V> implements Map<K, V> {
  #entries = new Map<K, V>();
  #removed = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** A new key comes last. */
  set(key: K, value: V): this {
    // Not where entries are removed: that may be while they are gone through.
    if (this.#removed > removedMax && this.#removed > this.#entries.size) this.#move();
    this.#entries.set(key, value);
    return this;
  }

  delete(key: K): boolean {
    const isRemoved = this.#entries.delete(key);
    if (isRemoved) this.#removed += 1;
    return isRemoved;
  }

  clear(): void {
    this.#entries = new Map();
    this.#removed = 0;
  }

  /** Goes through the entries there are, the first added first; leaves out what is removed meanwhile. */
  *entries(): Generator<[K, V], undefined> {
    for (const entry of [...this.#entries]) {
      if (this.#entries.has(entry[0])) yield entry;
    }
  }

  *keys(): Generator<K, undefined> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): Generator<[K, V], undefined> {
    return this.entries();
  }

  forEach(visit: (value: V, key: K, map: Map<K, V>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }

  get [Symbol.toStringTag](): string {
    return "ChurnMap";
  }

  #move(): void {
    this.#entries = new Map(this.#entries);
    this.#removed = 0;
  }
}
