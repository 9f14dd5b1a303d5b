import { ChurnMap } from "../collections/churn-map.ts";

/**
 * A queue with turns: owners are served in turn, and the items of each in order. A long queue of
 * one owner delays no other.
 */
export class FairQueue<T> {
  readonly #queues = new ChurnMap<object, Queue<T>>();
  /** The next owner comes first. Nobody waits in it twice. */
  readonly #owners = new Queue<object>();

  get isEmpty(): boolean {
    return this.#owners.size === 0;
  }

  push(whose: object, item: T): void {
    const queue = this.#queues.get(whose) ?? new Queue<T>();
    queue.push(item);
    if (queue.size > 1) return;
    this.#queues.set(whose, queue);
    this.#owners.push(whose);
  }

  /** Undefined when nothing waits. */
  shift(): T | undefined {
    const whose = this.#owners.shift();
    const queue = whose && this.#queues.get(whose);
    if (whose === undefined || queue === undefined) return undefined;
    const item = queue.shift();
    if (queue.size > 0) this.#owners.push(whose);
    else this.#queues.delete(whose);
    return item;
  }
}

/** What was shifted is dropped from the front once it is as many, so that moving the rest costs little. */
const droppedMin = 64;

/** First in, first out. To shift an array moves all that is behind. */
export class Queue<T> {
  #items: (T | undefined)[] = [];
  #shifted = 0;

  get size(): number {
    return this.#items.length - this.#shifted;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#shifted];
    this.#items[this.#shifted] = undefined;
    this.#shifted += 1;
    if (this.#shifted >= droppedMin && this.#shifted * 2 >= this.#items.length) {
      this.#items.splice(0, this.#shifted);
      this.#shifted = 0;
    }
    return item;
  }
}
