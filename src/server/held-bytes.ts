import { refusalToConnectError } from "../api/refusal/error-mapping.ts";
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
    const spent = (what: BudgetName): Error =>
      refusalToConnectError({ reason: "TOO_MANY", what, retryAfterMs: 1_000 }, action);
    return new HeldBytes(connection, [
      { budget: of, spent: () => spent(this.#connection) },
      { budget: this.#budgets.shared(this.#process), spent: () => spent(this.#process) },
    ]);
  }
}

interface Source {
  readonly budget: Budget;
  readonly spent: () => Error;
}

/** What one call holds. Everything is given back at the latest when the call is over. */
export class HeldBytes {
  /** What the call came by. */
  readonly connection: object;
  readonly #sources: readonly Source[];
  #held = 0;
  #isOver = false;

  constructor(connection: object, sources: readonly Source[]) {
    this.connection = connection;
    this.#sources = sources;
  }

  /** Throws TOO_MANY where the connection, or all of them together, would hold too much. */
  take(bytes: number): void {
    if (this.#isOver) return;
    for (const [index, { budget, spent }] of this.#sources.entries()) {
      if (budget.take(bytes)) continue;
      for (const before of this.#sources.slice(0, index)) before.budget.giveBack(bytes);
      throw spent();
    }
    this.#held += bytes;
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
