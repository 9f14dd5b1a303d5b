import { randomInt } from "node:crypto";

/** So many maps: of a million entries, each has 16,000. */
const parts = 64;

/** Drawn anew by each process, so that nobody can choose keys that all come into one map. */
const seed = randomInt(2 ** 32);

/**
 * A map by names for entries that may be a million. V8 makes a larger table for a `Map` that is full
 * and moves all entries at once, which holds the event loop for 70 ms at a million. Here they are
 * spread over many maps, each of which moves only its own. They are in no order, and none goes through
 * them.
 */
export class SpreadMap<K extends string, V> {
  readonly #parts: readonly Map<K, V>[] = Array.from({ length: parts }, () => new Map<K, V>());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#partOf(key).get(key);
  }

  has(key: K): boolean {
    return this.#partOf(key).has(key);
  }

  set(key: K, value: V): this {
    const part = this.#partOf(key);
    const before = part.size;
    part.set(key, value);
    this.#size += part.size - before;
    return this;
  }

  delete(key: K): boolean {
    const isRemoved = this.#partOf(key).delete(key);
    if (isRemoved) this.#size -= 1;
    return isRemoved;
  }

  /** How many entries the largest of the maps has. */
  get largest(): number {
    return Math.max(...this.#parts.map(({ size }) => size));
  }

  #partOf(key: K): Map<K, V> {
    return this.#parts[hashOf(key) % parts] as Map<K, V>;
  }
}

/** FNV-1a over the units of the text, see https://datatracker.ietf.org/doc/html/draft-eastlake-fnv */
function hashOf(text: string): number {
  let hash = seed;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  // Its low bits are those that are mixed least.
  return (hash ^ (hash >>> 15)) >>> 0;
}
