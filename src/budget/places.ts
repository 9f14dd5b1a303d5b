import type { BudgetName } from "./budget-table.ts";
import type { Budgets } from "./budgets.ts";
import { FairQueue } from "./fair-queue.ts";

/** So much of one kind of work may be under way in the process; the rest waits for a place. */
export class Places {
  readonly #limit: number;
  readonly #waiting = new FairQueue<() => void>();
  #taken = 0;

  constructor(budgets: Budgets, name: BudgetName) {
    this.#limit = budgets.limit(name);
  }

  /**
   * Does the work when there is a place for it.
   *
   * @param whose a connection: one with much waiting delays no other
   */
  async at<T>(whose: object, work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#limit) this.#taken += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(whose, resolve));
    try {
      return await work();
    } finally {
      // A place is handed on.
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken -= 1;
      else next();
    }
  }
}
