const blockSizeMax = 512;

/**
 * Items in the order of a comparison, in blocks: adding and removing cost one binary search and
 * one move within a block, however many items there are. What orders an item must not change
 * while the list holds it.
 */
export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #blocks: T[][] = [];

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  add(item: T): void {
    const last = this.#blocks.at(-1);
    if (last === undefined || this.#liesBeyond(last, item)) this.#append(last, item);
    else this.#insert(item, last);
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  remove(item: T): void {
    const isAtOrAfter = (other: T): boolean => this.#compare(other, item) >= 0;
    const at = this.#blockWith(isAtOrAfter);
    const block = this.#blocks[at];
    if (block === undefined) return;
    const index = firstIndex(block, isAtOrAfter);
    const found = block[index];
    if (found === undefined || this.#compare(found, item) !== 0) return;
    block.splice(index, 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  /** The items from the first for which `isInside` holds; it must hold for all that follow. */
  *from(isInside: (item: T) => boolean): Generator<T, void, undefined> {
    let at = this.#blockWith(isInside);
    let block = this.#blocks[at];
    let index = block === undefined ? 0 : firstIndex(block, isInside);
    while (block !== undefined) {
      for (; index < block.length; index++) yield block[index] as T;
      index = 0;
      block = this.#blocks[++at];
    }
  }

  #liesBeyond(block: readonly T[], item: T): boolean {
    return this.#compare(block[block.length - 1] as T, item) <= 0;
  }

  #append(last: T[] | undefined, item: T): void {
    // Items that arrive in order, as at recovery, leave full blocks behind.
    if (last === undefined || last.length >= blockSizeMax) this.#blocks.push([item]);
    else last.push(item);
  }

  #insert(item: T, last: T[]): void {
    const isAfter = (other: T): boolean => this.#compare(other, item) > 0;
    const at = this.#blockWith(isAfter);
    const block = this.#blocks[at] ?? last;
    block.splice(firstIndex(block, isAfter), 0, item);
    if (block.length > blockSizeMax) {
      this.#blocks.splice(at + 1, 0, block.splice(block.length >>> 1));
    }
  }

  /** The first block whose last item satisfies a condition that holds from some item on. */
  #blockWith(condition: (item: T) => boolean): number {
    return firstIndex(this.#blocks, (block) => condition(block[block.length - 1] as T));
  }
}

/** The first index at which a condition holds that holds from there on; the length if nowhere. */
function firstIndex<T>(items: readonly T[], condition: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (condition(items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
