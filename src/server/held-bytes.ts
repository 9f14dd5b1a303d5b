import { refusalToConnectError } from "../api/refusal/error-mapping.ts";
import type { Refusal } from "../api/refusal/result.ts";
import type { BudgetName } from "../budget/budget-table.ts";
import type { Budget, Budgets } from "../budget/budgets.ts";
import { type Closable, whenClosed } from "./when-closed.ts";

/** Bytes that calls hold: limited for each connection by itself, and for the process. */
export class ConnectionBudgets {
  readonly #budgets: Budgets;
  readonly #process: Source;
  readonly #connection: BudgetName;
  readonly #connections = new WeakMap<object, Source>();

  constructor(budgets: Budgets, process: BudgetName, connection: BudgetName) {
    this.#budgets = budgets;
    this.#process = { budget: budgets.shared(process), name: process };
    this.#connection = connection;
  }

  /**
   * Begins to hold bytes of one call, until what it is answered by closes. Of a call that is over,
   * nothing is held.
   *
   * @param connection its socket or session
   * @param action what cannot be done where a budget is spent, as it follows "Cannot"
   */
  open(connection: object, answer: Closable, action: string): HeldBytes {
    const held = this.hold(connection, action);
    whenClosed(answer, () => held.end());
    return held;
  }

  /** The same for a call that ends what is held by itself. */
  hold(connection: object, action: string): HeldBytes {
    const own = this.#connections.get(connection) ?? this.#sourceOf(connection);
    return new HeldBytes(connection, own, this.#process, action);
  }

  #sourceOf(connection: object): Source {
    const source = { budget: this.#budgets.each(this.#connection), name: this.#connection };
    this.#connections.set(connection, source);
    return source;
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
  readonly #own: Source;
  readonly #process: Source;
  readonly #action: string;
  #held = 0;
  #isOver = false;

  constructor(connection: object, own: Source, process: Source, action: string) {
    this.connection = connection;
    this.#own = own;
    this.#process = process;
    this.#action = action;
  }

  /** The call is over, or holds what it sent by itself. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Throws TOO_MANY where the connection, or all of them together, would hold too much. */
  take(bytes: number): void {
    const what = this.tryTake(bytes);
    if (what !== undefined) throw refusalToConnectError(spent(what), this.#action);
  }

  /** Takes the bytes, or says which budget does not allow it. */
  tryTake(bytes: number): BudgetName | undefined {
    if (this.#isOver) return undefined;
    if (!this.#own.budget.take(bytes)) return this.#own.name;
    if (!this.#process.budget.take(bytes)) {
      this.#own.budget.giveBack(bytes);
      return this.#process.name;
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
    this.#own.budget.giveBack(bytes);
    this.#process.budget.giveBack(bytes);
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
