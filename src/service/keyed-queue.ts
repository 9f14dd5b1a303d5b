/**
 * Runs tasks of one key one after the other, and tasks of different keys side by side. A task of a
 * key that nobody works on begins at once. Holds an entry per key in work, so it is bounded by the
 * calls in flight.
 */
export class KeyedQueue<K> {
  readonly #tails = new Map<K, Promise<unknown>>();

  /** Somebody works on the key. */
  isBusy(key: K): boolean {
    return this.#tails.has(key);
  }

  run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const tail = this.#tails.get(key);
    const result = tail === undefined ? task() : tail.then(task);
    this.#follow(key, result);
    return result;
  }

  #follow(key: K, result: Promise<unknown>): void {
    // Whoever waits for the result hears of a failure; those behind it go on.
    const end = (): void => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail = result.then(end, end);
    this.#tails.set(key, tail);
  }
}
