import type { EpochMs } from "../core/time.ts";

/** Something with a deadline; `Infinity` for none. */
export interface Scheduled {
  deadline: EpochMs;
  /** Owned by the queue: where it looks for this next. `Infinity` while it is not queued. */
  queuedAt: EpochMs;
}

/** Deadlines that moved later are put in their new place at most this many per call. */
const movesMaxPerCall = 5_000;
/** How many deserted places are tolerated beside the live ones. */
const deserted = 1_024;

/**
 * A binary heap of deadlines in which moving one later costs nothing: the old place stays, and an
 * item found there too early is moved to its new place. A renewal only moves deadlines later.
 *
 * Holds one place per scheduled item, and at most as many deserted ones again.
 */
export class DeadlineQueue<T extends Scheduled> {
  readonly #moments: number[] = [];
  readonly #items: T[] = [];
  /** Handed out as due and not moved since; at most the `limit` of one call. */
  #handedOut: T[] = [];
  #queued = 0;

  /** To be called whenever `item.deadline` has changed. */
  schedule(item: T): void {
    if (item.deadline >= item.queuedAt) return;
    if (item.queuedAt === Number.POSITIVE_INFINITY) this.#queued++;
    item.queuedAt = item.deadline;
    this.#push(item.deadline, item);
    if (this.#items.length > 2 * this.#queued + deserted) this.#compact();
  }

  /** Forgets the item. */
  cancel(item: T): void {
    item.deadline = Number.POSITIVE_INFINITY;
    if (item.queuedAt === Number.POSITIVE_INFINITY) return;
    item.queuedAt = Number.POSITIVE_INFINITY;
    this.#queued--;
  }

  /**
   * Up to `limit` items whose deadline is at or before `now`, earliest first. They stay due until
   * their deadline moves. Fewer, while many deadlines that moved later are in the way: then
   * {@link nextMoment} still lies at or before `now`.
   */
  due(now: EpochMs, limit: number): readonly T[] {
    this.#takeBack();
    const due: T[] = [];
    const moves = { left: movesMaxPerCall };
    while (due.length < limit) {
      const item = this.#settleTop(moves);
      if (item === undefined || item.queuedAt > now || item.deadline > item.queuedAt) break;
      this.#takeTop(item);
      due.push(item);
    }
    this.#handedOut = due;
    return due;
  }

  /**
   * The earliest deadline; an earlier moment while many deadlines that moved later are in the way.
   * So whoever sleeps until then is not woken for each place that a deadline has left.
   */
  nextMoment(): EpochMs | undefined {
    this.#takeBack();
    return this.#settleTop({ left: movesMaxPerCall })?.queuedAt;
  }

  /** The item with the earliest place. That is its deadline's, unless no moves are left. */
  #settleTop(moves: { left: number }): T | undefined {
    while (this.#items.length > 0) {
      const item = this.#items[0] as T;
      if (this.#moments[0] !== item.queuedAt) {
        this.#pop();
        continue;
      }
      if (item.deadline <= item.queuedAt || moves.left === 0) return item;
      moves.left--;
      this.#takeTop(item);
      this.schedule(item);
    }
    return undefined;
  }

  #takeTop(item: T): void {
    this.#pop();
    item.queuedAt = Number.POSITIVE_INFINITY;
    this.#queued--;
  }

  #takeBack(): void {
    const items = this.#handedOut;
    this.#handedOut = [];
    for (const item of items) this.schedule(item);
  }

  #push(moment: number, item: T): void {
    this.#moments.push(moment);
    this.#items.push(item);
    this.#rise(this.#items.length - 1, moment, item);
  }

  #pop(): void {
    const moment = this.#moments.pop() as number;
    const item = this.#items.pop() as T;
    if (this.#items.length > 0) this.#sink(0, moment, item);
  }

  #rise(from: number, moment: number, item: T): void {
    const moments = this.#moments;
    const items = this.#items;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = moments[parent] as number;
      if (above <= moment) break;
      moments[at] = above;
      items[at] = items[parent] as T;
      at = parent;
    }
    moments[at] = moment;
    items[at] = item;
  }

  #sink(from: number, moment: number, item: T): void {
    const moments = this.#moments;
    const items = this.#items;
    const { length } = items;
    let at = from;
    for (let child = 2 * at + 1; child < length; child = 2 * at + 1) {
      const right = child + 1;
      if (right < length && (moments[right] as number) < (moments[child] as number)) child = right;
      const below = moments[child] as number;
      if (below >= moment) break;
      moments[at] = below;
      items[at] = items[child] as T;
      at = child;
    }
    moments[at] = moment;
    items[at] = item;
  }

  #compact(): void {
    const moments = this.#moments;
    const items = this.#items;
    let kept = 0;
    for (let at = 0; at < items.length; at++) {
      const item = items[at] as T;
      if (moments[at] !== item.queuedAt) continue;
      moments[kept] = item.queuedAt;
      items[kept++] = item;
    }
    moments.length = kept;
    items.length = kept;
    for (let at = (kept >>> 1) - 1; at >= 0; at--) {
      this.#sink(at, moments[at] as number, items[at] as T);
    }
  }
}
