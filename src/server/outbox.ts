import type { Budgets } from "../budget/budgets.ts";
import type { Sleep } from "./door.ts";
import { ConnectionBudgets, type HeldBytes } from "./held-bytes.ts";
import { Patience } from "./patience.ts";
import { type Closable, isOver } from "./when-closed.ts";

/** Smaller answers are bounded by how many calls there can be. */
export const largeAnswerBytes: number = 16 * 1024;

/**
 * What has been answered and was not read yet: large answers are bounded, and one that is not read
 * to its end in time is given up.
 */
export class Outbox {
  readonly budgets: Budgets;
  readonly #held: ConnectionBudgets;
  readonly #answers = new WeakMap<object, HeldBytes>();
  readonly #patience: Patience;

  constructor(budgets: Budgets) {
    this.budgets = budgets;
    this.#held = new ConnectionBudgets(budgets, "unread_bytes", "connection_unread_bytes");
    this.#patience = new Patience(budgets, "unread_ms");
  }

  /**
   * What an answer holds, from its first bytes until it closes.
   *
   * @param connection its socket or session: what one leaves unread is limited by itself
   * @param answer what the bytes are written to
   */
  open(connection: object, answer: Closable): HeldBytes {
    const held =
      this.#answers.get(answer) ?? this.#held.open(connection, answer, "send the answer");
    this.#answers.set(answer, held);
    return held;
  }

  /** An answer waits for its reader, from now on; one whose reader has left does not. */
  waits<T extends Closable>(answer: T, giveUp: (answer: T) => void): void {
    if (isOver(answer)) return;
    this.#patience.waits(answer, giveUp);
  }

  /** The answer has left, or its reader has. */
  ended(answer: object): void {
    this.#patience.ended(answer);
  }

  /** Gives up what waits for too long, until the signal aborts. */
  watch(sleep: Sleep, signal: AbortSignal): Promise<void> {
    return this.#patience.watch(sleep, signal);
  }
}
