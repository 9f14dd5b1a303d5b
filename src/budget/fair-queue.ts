/**
 * A queue with turns: owners are served in turn, and the items of each in order. A long queue of
 * one owner delays no other.
 */
export class FairQueue<T> {
  /** The next owner comes first. */
  readonly #queues = new Map<object, Queue<T>>();

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  push(whose: object, item: T): void {
    const queue = this.#queues.get(whose) ?? new Queue<T>();
    queue.push(item);
    this.#queues.set(whose, queue);
  }

  /** Undefined when nothing waits. */
  shift(): T | undefined {
    for (const [whose, queue] of this.#queues) {
      this.#queues.delete(whose);
      const item = queue.shift();
      if (queue.size > 0) this.#queues.set(whose, queue);
      return item;
    }
    return undefined;
  }
}

/** First in, first out. To shift an array moves all that is behind. */
class Queue<T> {
  readonly #items = new Map<number, T>();
  #pushed = 0;
  #shifted = 0;

  get size(): number {
    return this.#items.size;
  }

  push(item: T): void {
    this.#items.set(this.#pushed, item);
    this.#pushed += 1;
  }

  shift(): T | undefined {
    const item = this.#items.get(this.#shifted);
    this.#items.delete(this.#shifted);
    this.#shifted += 1;
    return item;
  }
}
