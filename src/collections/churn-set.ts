import { ChurnMap } from "./churn-map.ts";

/** The same for members that come and go by the thousand, see {@link ChurnMap}. */
export class ChurnSet<T> {
  readonly #members = new ChurnMap<T, true>();

  get size(): number {
    return this.#members.size;
  }

  has(member: T): boolean {
    return this.#members.has(member);
  }

  /** A new member comes last. */
  add(member: T): this {
    this.#members.set(member, true);
    return this;
  }

  delete(member: T): boolean {
    return this.#members.delete(member);
  }

  clear(): void {
    this.#members.clear();
  }

  /** Goes through the members there are, the first added first; leaves out what is removed meanwhile. */
  values(): Generator<T, undefined> {
    return this.#members.keys();
  }

  [Symbol.iterator](): Generator<T, undefined> {
    return this.values();
  }

  forEach(visit: (member: T) => void): void {
    for (const member of this.values()) visit(member);
  }
}
