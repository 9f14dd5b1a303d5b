import type { BudgetName } from "../../budget/budget-table.ts";
import { type Budget, BudgetSpent, type Budgets } from "../../budget/budgets.ts";
import type { DurationMs } from "../../core/time.ts";

/** A watch with at most so many names is a small one … */
const smallNames = 100;
/** … and this share of the budget of names is reserved for those. */
const smallShare = 0.2;
const retryAfterMs: DurationMs = 5_000;

/**
 * Bounds what all watches of the process, and those of one connection, remember together: names are
 * the sessions that they show, and the versions that their readers know. Throws when there is no
 * room: {@link BudgetSpent}.
 */
export class WatchBudget {
  readonly #budgets: Budgets;
  readonly #streams: Budget;
  readonly #names: Budget;
  /** Entries go away with their connection. */
  readonly #byConnection = new WeakMap<object, Budget>();

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
    this.#streams = budgets.shared("watch_streams");
    this.#names = budgets.shared("watched_names");
  }

  /** Throws when there is no room for a watch with so many names. */
  expectRoom(names: number, connection: object | undefined): void {
    this.admit(names, connection).release();
  }

  /** Takes what a watch needs when it begins. */
  admit(names: number, connection: object | undefined): Admission {
    if (!this.#streams.take()) throw spent("watch_streams");
    const admission = new Admission(this.#names, this.#of(connection), () =>
      this.#streams.giveBack(),
    );
    try {
      if (names > smallNames && !this.#keepsShare(names)) throw spent("watched_names");
      admission.grow(names);
    } catch (error) {
      admission.release();
      throw error;
    }
    return admission;
  }

  /** With so many names more there is still room for small watches. */
  #keepsShare(names: number): boolean {
    const share = this.#budgets.limit("watched_names") * (1 - smallShare);
    if (this.#names.used + names <= share) return true;
    this.#budgets.refuse("watched_names");
    return false;
  }

  #of(connection: object | undefined): Budget | undefined {
    if (connection === undefined) return undefined;
    const budget =
      this.#byConnection.get(connection) ?? this.#budgets.each("connection_watched_names");
    this.#byConnection.set(connection, budget);
    return budget;
  }
}

/** What one watch has taken, until it is released. */
export class Admission {
  readonly #names: Budget;
  readonly #onConnection: Budget | undefined;
  readonly #onReleased: () => void;
  #held = 0;

  constructor(names: Budget, onConnection: Budget | undefined, onReleased: () => void) {
    this.#names = names;
    this.#onConnection = onConnection;
    this.#onReleased = onReleased;
  }

  /** The watch remembers so many names more. */
  grow(names: number): void {
    if (this.#onConnection?.take(names) === false) throw spent("connection_watched_names");
    if (!this.#names.take(names)) {
      this.#onConnection?.giveBack(names);
      throw spent("watched_names");
    }
    this.#held += names;
  }

  shrink(names: number): void {
    this.#onConnection?.giveBack(names);
    this.#names.giveBack(names);
    this.#held -= names;
  }

  release(): void {
    this.shrink(this.#held);
    this.#onReleased();
  }
}

function spent(budget: BudgetName): BudgetSpent {
  return new BudgetSpent(budget, retryAfterMs);
}
