import { createHash } from "node:crypto";
import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";

import { BudgetSpent, type Budgets } from "./budgets.ts";

/** What the calls of one caller are counted over. */
const windowSeconds = 10;

/**
 * Counts the calls of each caller, over all of its connections. There is room for a fixed number of
 * callers: of more, some share a count by chance.
 */
export class CallRates {
  readonly #budgets: Budgets;
  readonly #limiter: RateLimiterMemory;
  readonly #counts = new WeakMap<object, string>();

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
    this.#limiter = new RateLimiterMemory({
      points: budgets.limit("principal_calls"),
      duration: windowSeconds,
    });
  }

  /**
   * Counts a call; says what is spent where it is one too many.
   *
   * @param caller whom `name` is about, from one call to the next
   */
  async count(caller: object, name: string): Promise<BudgetSpent | undefined> {
    const count = this.#counts.get(caller) ?? countOf(name);
    this.#counts.set(caller, count);
    try {
      await this.#limiter.consume(count);
      return undefined;
    } catch (refused) {
      if (refused instanceof Error) throw refused;
      this.#budgets.refuse("principal_calls");
      return new BudgetSpent("principal_calls", (refused as RateLimiterRes).msBeforeNext);
    }
  }
}

/** One of 65,536. */
function countOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 4);
}
