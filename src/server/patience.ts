import type { BudgetName } from "../budget/budget-table.ts";
import type { Budgets } from "../budget/budgets.ts";
import { ChurnMap } from "../collections/churn-map.ts";
import type { Sleep } from "./door.ts";

/** Looks within the time after which something is given up. */
const looks = 12;

interface Waiting {
  /** The look before which it began to wait. */
  since: number;
  readonly giveUp: (what: never) => void;
}

/** Gives up what is waited for longer than a budget allows. */
export class Patience {
  readonly #budgets: Budgets;
  readonly #name: BudgetName;
  readonly #waiting = new ChurnMap<object, Waiting>();
  #look = 0;

  /** @param name the budget, which is one of milliseconds */
  constructor(budgets: Budgets, name: BudgetName) {
    this.#budgets = budgets;
    this.#name = name;
  }

  /** Something is waited for, from now on. */
  waits<T extends object>(what: T, giveUp: (what: T) => void): void {
    this.#waiting.set(what, { since: this.#look, giveUp });
  }

  /** It has come, or is waited for no longer. */
  ended(what: object): void {
    this.#waiting.delete(what);
  }

  /** Gives up what takes too long, until the signal aborts. */
  async watch(sleep: Sleep, signal: AbortSignal): Promise<void> {
    const everyMs = this.#budgets.limit(this.#name) / looks;
    while (!signal.aborted) {
      await sleep(everyMs, signal);
      this.#look += 1;
      for (const [what, { since, giveUp }] of this.#waiting) {
        if (this.#look - since <= looks) continue;
        this.#waiting.delete(what);
        this.#budgets.refuse(this.#name);
        giveUp(what as never);
      }
    }
  }
}
