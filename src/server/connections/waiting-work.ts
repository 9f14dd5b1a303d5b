import { FairQueue } from "../../budget/fair-queue.ts";

/** Does something for a connection; false when there was nothing to do, as its caller has left. */
export type Work = () => boolean;

/** Work that waits for a turn: that of connections which took little comes first, each in turn. */
export class WaitingWork {
  readonly #light = new FairQueue<Work>();
  readonly #heavy = new FairQueue<Work>();

  get isEmpty(): boolean {
    return this.#light.isEmpty && this.#heavy.isEmpty;
  }

  /** @param isHeavy whether the connection took much */
  push(connection: object, isHeavy: boolean, work: Work): void {
    (isHeavy ? this.#heavy : this.#light).push(connection, work);
  }

  /** @param isOfHeavy whether it is the turn of those that took much */
  shift(isOfHeavy: boolean): Work | undefined {
    const [first, second] = isOfHeavy ? [this.#heavy, this.#light] : [this.#light, this.#heavy];
    return first.shift() ?? second.shift();
  }
}
