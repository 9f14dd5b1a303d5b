import type { Budget, Budgets } from "../../budget/budgets.ts";

/**
 * Calls that are open at a door over HTTP/2. A connection may have as many as are left for all others
 * together, so that there are always some for one that has few.
 */
export class OpenCalls {
  readonly #budgets: Budgets;
  readonly #all: Budget;
  readonly #name: "open_calls" | "open_streams";
  readonly #byConnection = new WeakMap<object, number>();

  constructor(budgets: Budgets, name: "open_calls" | "open_streams") {
    this.#budgets = budgets;
    this.#name = name;
    this.#all = budgets.shared(name);
  }

  /** Says whether the connection may have one more. */
  open(connection: object): boolean {
    const own = this.#byConnection.get(connection) ?? 0;
    const left = this.#budgets.limit(this.#name) - this.#all.used;
    if (own >= left) {
      this.#budgets.refuse(this.#name);
      return false;
    }
    this.#byConnection.set(connection, own + 1);
    return this.#all.take();
  }

  close(connection: object): void {
    this.#byConnection.set(connection, (this.#byConnection.get(connection) ?? 1) - 1);
    this.#all.giveBack();
  }
}
