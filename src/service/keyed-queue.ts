import type { Awaitable } from "./awaitable.ts";

/**
 * Runs tasks of one key one after the other, and tasks of different keys side by side. A task of a
 * key that nobody works on runs at once. Holds an entry per key in work, so it is bounded by the
 * calls in flight.
 */
export class KeyedQueue<K> {
  readonly #tails = new Map<K, Promise<unknown>>();

  run<T>(key: K, task: () => Awaitable<T>): Awaitable<T> {
    const tail = this.#tails.get(key);
    const result = tail === undefined ? task() : tail.then(task);
    if (result instanceof Promise) this.#follow(key, result);
    return result;
  }

  #follow(key: K, result: Promise<unknown>): void {
    const tail = result.then(ignore, ignore).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
  }
}

function ignore(): void {
  // The caller that waits for the result hears of a failure; those behind it go on.
}
