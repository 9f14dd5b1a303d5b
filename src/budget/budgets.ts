import { type BudgetName, budgetTable } from "./budget-table.ts";

/** Other numbers than those of the table, for tests. */
export type BudgetLimits = Readonly<Partial<Record<BudgetName, number>>>;

/** How much of a budget is in use, and how often something was refused for it. */
export interface BudgetFigures {
  readonly limit: number;
  /** The sum over the process, also of what is limited for each connection alone. */
  readonly used: number;
  readonly refused: number;
}

/** Amounts that are held for a while: what was taken has to be given back. */
export interface Budget {
  readonly used: number;
  /** Takes the amount, or refuses it whole: that is counted. */
  take(amount?: number): boolean;
  giveBack(amount?: number): void;
}

/** The budgets of one process: what they allow, what is in use, and what was refused. */
export class Budgets {
  readonly #limits: BudgetLimits;
  readonly #meters = new Map<BudgetName, Meter>();
  readonly #shared = new Map<BudgetName, Budget>();

  constructor(limits: BudgetLimits = {}) {
    this.#limits = limits;
  }

  limit(name: BudgetName): number {
    return this.#limits[name] ?? budgetTable[name].limit;
  }

  /** Counts refusals; for limits that nothing is taken from. */
  refuse(name: BudgetName, times = 1): void {
    this.#meter(name).refused += times;
  }

  /** Says whether the amount is within the limit; if not, that counts as a refusal. */
  allows(name: BudgetName, amount: number): boolean {
    const fits = amount <= this.limit(name);
    if (!fits) this.refuse(name);
    return fits;
  }

  /** The budget that the whole process shares. */
  shared(name: BudgetName): Budget {
    const budget = this.#shared.get(name) ?? this.each(name);
    this.#shared.set(name, budget);
    return budget;
  }

  /** A budget of its own, for one connection or one stream. */
  each(name: BudgetName): Budget {
    return new HeldBudget(this.limit(name), this.#meter(name));
  }

  figures(name: BudgetName): BudgetFigures {
    const { used, refused } = this.#meter(name);
    return { limit: this.limit(name), used, refused };
  }

  #meter(name: BudgetName): Meter {
    const meter = this.#meters.get(name) ?? { used: 0, refused: 0 };
    this.#meters.set(name, meter);
    return meter;
  }
}

/** Sums over the process, by name. */
interface Meter {
  used: number;
  refused: number;
}

class HeldBudget implements Budget {
  readonly #limit: number;
  readonly #meter: Meter;
  #used = 0;

  constructor(limit: number, meter: Meter) {
    this.#limit = limit;
    this.#meter = meter;
  }

  get used(): number {
    return this.#used;
  }

  take(amount = 1): boolean {
    if (this.#used + amount > this.#limit) {
      this.#meter.refused += 1;
      return false;
    }
    this.#move(amount);
    return true;
  }

  giveBack(amount = 1): void {
    this.#move(-amount);
  }

  #move(amount: number): void {
    this.#used += amount;
    this.#meter.used += amount;
  }
}

/** Thrown where a budget does not allow what is asked. */
export class BudgetSpent extends Error {
  override readonly name = "BudgetSpent";
  readonly budget: BudgetName;
  readonly retryAfterMs: number;

  constructor(budget: BudgetName, retryAfterMs: number) {
    super(`the budget ${budget} is spent: ${budgetTable[budget].of}`);
    this.budget = budget;
    this.retryAfterMs = retryAfterMs;
  }
}
