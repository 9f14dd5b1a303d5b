import { refusalToConnectError } from "../api/refusal/error-mapping.ts";
import type { Refusal } from "../api/refusal/result.ts";
import type { BudgetName } from "../budget/budget-table.ts";
import type { Budget, Budgets } from "../budget/budgets.ts";

/** Bytes that calls hold: limited for each connection by itself, and for the process. */
export class ConnectionBudgets {
  readonly #budgets: Budgets;
  readonly #process: BudgetName;
  readonly #connection: BudgetName;
  readonly #connections = new WeakMap<object, Budget>();

  constructor(budgets: Budgets, process: BudgetName, connection: BudgetName) {
    this.#budgets = budgets;
    this.#process = process;
    this.#connection = connection;
  }

  /**
   * Begins to hold bytes of one call.
   *
   * @param connection its socket or session
   * @param action what cannot be done where a budget is spent, as it follows "Cannot"
   */
  open(connection: object, action: string): HeldBytes {
    const of = this.#connections.get(connection) ?? this.#budgets.each(this.#connection);
    this.#connections.set(connection, of);
    const sources = [
      { budget: of, name: this.#connection },
      { budget: this.#budgets.shared(this.#process), name: this.#process },
    ];
    return new HeldBytes(connection, sources, action);
  }
}

interface Source {
  readonly budget: Budget;
  readonly name: BudgetName;
}

/** What one call holds. Everything is given back at the latest when the call is over. */
export class HeldBytes {
  /** What the call came by. */
  readonly connection: object;
  readonly #sources: readonly Source[];
  readonly #action: string;
  #held = 0;
  #isOver = false;

  constructor(connection: object, sources: readonly Source[], action: string) {
    this.#action = action;
    this.connection = connection;
    this.#sources = sources;
  }

  /** Throws TOO_MANY where the connection, or all of them together, would hold too much. */
  take(bytes: number): void {
    const what = this.tryTake(bytes);
    if (what !== undefined) throw refusalToConnectError(spent(what), this.#action);
  }

  /** Takes the bytes, or says which budget does not allow it. */
  tryTake(bytes: number): BudgetName | undefined {
    if (this.#isOver) return undefined;
    for (const [index, { budget, name }] of this.#sources.entries()) {
      if (budget.take(bytes)) continue;
      for (const before of this.#sources.slice(0, index)) before.budget.giveBack(bytes);
      return name;
    }
    this.#held += bytes;
    return undefined;
  }

  /** Takes what is missing to so many bytes, or says which budget does not allow it. */
  reach(bytes: number): BudgetName | undefined {
    return bytes > this.#held ? this.tryTake(bytes - this.#held) : undefined;
  }

  giveBack(bytes: number): void {
    if (this.#isOver) return;
    this.#held -= bytes;
    for (const { budget } of this.#sources) budget.giveBack(bytes);
  }

  /** Gives back what is still held; the call takes no more. */
  end(): void {
    this.giveBack(this.#held);
    this.#isOver = true;
  }
}

/** The refusal of what a budget has no room for. */
export function spent(what: BudgetName): Refusal {
  return { reason: "TOO_MANY", what, retryAfterMs: 1_000 };
}
