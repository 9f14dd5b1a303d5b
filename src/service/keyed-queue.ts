import { ChurnMap } from "../collections/churn-map.ts";

/**
 * Runs the tasks of one key in order, and those of different keys concurrently. A task of an idle
 * key begins at once. Holds an entry per key in work, so it is bounded by the calls in flight.
 */
export class KeyedQueue<K> {
  readonly #tails = new ChurnMap<K, Promise<unknown>>();

  /** A task of the key is running. */
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
    // The caller that awaits the result receives the failure. Later tasks still run.
    const end = (): void => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail = result.then(end, end);
    this.#tails.set(key, tail);
  }
}
