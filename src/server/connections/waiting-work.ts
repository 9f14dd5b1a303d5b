import { Queue } from "../../budget/fair-queue.ts";
import { ChurnMap } from "../../collections/churn-map.ts";
import type { Weight } from "./loop-shares.ts";

/** Does something for a connection; false when there was nothing to do, as its caller has left. */
export type Work = () => boolean;

/** Whose work waits. */
interface Owner {
  readonly connection: object;
  readonly weigh: () => Weight;
  readonly waiting: Queue<Work>;
}

const lightestFirst: readonly Weight[] = ["light", "crowded", "heavy"];
const heaviestFirst = lightestFirst.toReversed();

/**
 * Work that waits for a turn: that of connections which took little comes first, each in turn, and
 * first of them those whose network took little. They are weighed when their turn comes: while its
 * first work waits, a connection may take much with other work.
 */
export class WaitingWork {
  readonly #owners = new ChurnMap<object, Owner>();
  readonly #lines: Readonly<Record<Weight, Queue<Owner>>> = {
    light: new Queue(),
    crowded: new Queue(),
    heavy: new Queue(),
  };

  get isEmpty(): boolean {
    return this.#owners.size === 0;
  }

  /** @param weigh what the connection took so far */
  push(connection: object, weigh: () => Weight, work: Work): void {
    const known = this.#owners.get(connection);
    if (known !== undefined) {
      known.waiting.push(work);
      return;
    }
    const owner = { connection, weigh, waiting: new Queue<Work>() };
    owner.waiting.push(work);
    this.#owners.set(connection, owner);
    this.#lines[weigh()].push(owner);
  }

  /** @param isOfHeavy whether it is the turn of those that took much */
  shift(isOfHeavy: boolean): Work | undefined {
    for (const weight of isOfHeavy ? heaviestFirst : lightestFirst) {
      const owner = this.#shiftOf(weight);
      if (owner !== undefined) return this.#workOf(owner);
    }
    return undefined;
  }

  /** The first of a line that belongs there still; those that have become heavier go to theirs. */
  #shiftOf(weight: Weight): Owner | undefined {
    const line = this.#lines[weight];
    for (let owner = line.shift(); owner !== undefined; owner = line.shift()) {
      const now = owner.weigh();
      if (lightestFirst.indexOf(now) <= lightestFirst.indexOf(weight)) return owner;
      this.#lines[now].push(owner);
    }
    return undefined;
  }

  #workOf(owner: Owner): Work | undefined {
    const work = owner.waiting.shift();
    if (owner.waiting.size > 0) this.#lines[owner.weigh()].push(owner);
    else this.#owners.delete(owner.connection);
    return work;
  }
}
