import type { Budget, Budgets } from "../../budget/budgets.ts";

/** The budget of calls at a door: `open_calls` at the internal one, `open_streams` at the public one. */
type CallBudget = "open_calls" | "open_streams";

/** What has no room for one more call. */
export type CallRefusal = CallBudget | "open_header_bytes";

interface Open {
  calls: number;
  headerBytes: number;
}

/**
 * Calls that are open at a door over HTTP/2, and the headers that each keeps until it ends. A
 * connection may have as much of either as is left for all others together, so that there is always
 * some for one that has little.
 */
export class OpenCalls {
  readonly #budgets: Budgets;
  readonly #name: CallBudget;
  readonly #calls: Budget;
  readonly #headerBytes: Budget;
  readonly #byConnection = new WeakMap<object, Open>();

  constructor(budgets: Budgets, name: CallBudget) {
    this.#budgets = budgets;
    this.#name = name;
    this.#calls = budgets.shared(name);
    this.#headerBytes = budgets.shared("open_header_bytes");
  }

  /** Opens a call, or says which budget does not let the connection have it. */
  open(connection: object, headerBytes: number): CallRefusal | undefined {
    const own = this.#ownOf(connection);
    const callsLeft = this.#budgets.limit(this.#name) - this.#calls.used;
    if (own.calls >= callsLeft) return this.#refuse(this.#name);
    const bytesLeft = this.#budgets.limit("open_header_bytes") - this.#headerBytes.used;
    if (own.headerBytes + headerBytes > bytesLeft) return this.#refuse("open_header_bytes");
    own.calls += 1;
    own.headerBytes += headerBytes;
    this.#calls.take();
    this.#headerBytes.take(headerBytes);
    return undefined;
  }

  close(connection: object, headerBytes: number): void {
    const own = this.#ownOf(connection);
    own.calls -= 1;
    own.headerBytes -= headerBytes;
    this.#calls.giveBack();
    this.#headerBytes.giveBack(headerBytes);
  }

  #ownOf(connection: object): Open {
    const known = this.#byConnection.get(connection);
    if (known !== undefined) return known;
    const own = { calls: 0, headerBytes: 0 };
    this.#byConnection.set(connection, own);
    return own;
  }

  #refuse(name: CallRefusal): CallRefusal {
    this.#budgets.refuse(name);
    return name;
  }
}
