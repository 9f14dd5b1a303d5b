import { FairQueue } from "../../budget/fair-queue.ts";
import type { Weight } from "./loop-shares.ts";

/** Does something for a connection; false when there was nothing to do, as its caller has left. */
export type Work = () => boolean;

/**
 * Work that waits for a turn: that of connections which took little comes first, each in turn, and
 * first of them those whose network took little.
 */
export class WaitingWork {
  readonly #light = new FairQueue<Work>();
  readonly #crowded = new FairQueue<Work>();
  readonly #heavy = new FairQueue<Work>();

  get isEmpty(): boolean {
    return this.#light.isEmpty && this.#crowded.isEmpty && this.#heavy.isEmpty;
  }

  /** @param weight what the connection took */
  push(connection: object, weight: Weight, work: Work): void {
    this.#of(weight).push(connection, work);
  }

  /** @param isOfHeavy whether it is the turn of those that took much */
  shift(isOfHeavy: boolean): Work | undefined {
    const [first, last] = isOfHeavy ? [this.#heavy, this.#light] : [this.#light, this.#heavy];
    return first.shift() ?? this.#crowded.shift() ?? last.shift();
  }

  #of(weight: Weight): FairQueue<Work> {
    if (weight === "light") return this.#light;
    return weight === "crowded" ? this.#crowded : this.#heavy;
  }
}
