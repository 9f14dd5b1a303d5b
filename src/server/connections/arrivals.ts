import type { Sleep } from "../door.ts";

/** No connection for this long: clients have moved elsewhere, or are between two calls. */
const quietMs = 50;
/** How often that is looked for while calls are served on: 2 s in all, for balancers to notice. */
const servingLooksMax = 40;
/** How often while calls wait for the listener to close: 250 ms in all. */
const holdingLooksMax = 5;
/** Turns of the loop to look for one without a new connection. */
const turnsMax = 1000;

const never = new AbortController().signal;

/** The connections and calls that come to a door, up to the moment at which none can come. */
export class Arrivals {
  readonly #sleep: Sleep;
  #count = 0;
  /** Calls that wait for the listener to close; undefined while none has to. */
  #held: (() => void)[] | undefined;

  constructor(sleep: Sleep) {
    this.#sleep = sleep;
  }

  connected(): void {
    this.#count += 1;
  }

  /** Begins a call, now or when the listener has closed. */
  called(begin: () => void): void {
    this.#count += 1;
    if (this.#held === undefined) begin();
    else this.#held.push(begin);
  }

  /**
   * Closes a listener at a moment when no connection waits to be accepted: the kernel would reset
   * it. Calls are served until none arrive. If they do not stop, new ones are held back for a
   * moment, since most callers call again only after an answer.
   */
  async end(closeListener: () => void): Promise<void> {
    if (!(await this.#isQuietWithin(servingLooksMax))) {
      this.#held = [];
      await this.#isQuietWithin(holdingLooksMax);
    }
    await this.#turnWithoutAny();
    closeListener();
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const begin of held) begin();
  }

  async #isQuietWithin(looksMax: number): Promise<boolean> {
    for (let look = 0; look < looksMax; look += 1) {
      const before = this.#count;
      await this.#sleep(quietMs, never);
      await turn();
      if (this.#count === before) return true;
    }
    return false;
  }

  async #turnWithoutAny(): Promise<void> {
    for (let count = 0; count < turnsMax; count += 1) {
      const before = this.#count;
      await turn();
      if (this.#count === before) return;
    }
  }
}

/** One turn of the loop, in which waiting connections are accepted. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
