import type { DurationMs, EpochMs } from "../../src/core/time.ts";
import type { Time } from "./world.ts";

interface Scheduled {
  readonly at: EpochMs;
  /** Breaks ties: what was scheduled first happens first. */
  readonly order: number;
  readonly action: () => void;
}

/**
 * The only time of a simulation: what is scheduled happens in order, and nothing takes time unless
 * it waits. After each step everything that became ready has run before the next one begins.
 */
export class Timeline implements Time {
  readonly #heap: Scheduled[] = [];
  #now: EpochMs;
  #order = 0;

  constructor(start: EpochMs) {
    this.#now = start;
  }

  get now(): EpochMs {
    return this.#now;
  }

  after(duration: DurationMs, action: () => void): void {
    this.at(this.#now + Math.max(0, duration), action);
  }

  at(moment: EpochMs, action: () => void): void {
    this.#order += 1;
    this.#push({ at: Math.max(this.#now, Math.ceil(moment)), order: this.#order, action });
  }

  sleep(duration: DurationMs): Promise<void> {
    return new Promise((resolve) => this.after(duration, resolve));
  }

  /** Lets time pass until `end`. */
  async runUntil(end: EpochMs): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      this.#now = next.at;
      next.action();
      await everythingReady();
    }
    this.#now = Math.max(this.#now, end);
  }

  #push(item: Scheduled): void {
    const heap = this.#heap;
    let at = heap.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent] as Scheduled;
      if (isBefore(above, item)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const item = heap.pop() as Scheduled;
    if (heap.length === 0) return;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as Scheduled, heap[child] as Scheduled)) {
        child = right;
      }
      const below = heap[child] as Scheduled;
      if (isBefore(item, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = item;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}

/** No simulated part waits for anything but promises: when this turn comes, all of them have run. */
function everythingReady(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
