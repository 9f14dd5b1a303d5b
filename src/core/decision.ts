import type { AnswerOf, Command } from "./command.ts";
import type { SessionEvent } from "./event.ts";
import type { Refusal } from "./refusal.ts";
import type { SessionRecord } from "./session.ts";

/**
 * The result of a command. `events` include the deadlines that were due, so they are committed
 * whether the command is accepted or refused. `session` is the record after them.
 */
export type Decision<C extends Command> = Accepted<C> | Refused;

export interface Accepted<C extends Command> {
  readonly kind: "accepted";
  /** Undefined when a tombstone has expired. */
  readonly session: SessionRecord | undefined;
  readonly events: readonly SessionEvent[];
  readonly answer: AnswerOf<C>;
}

export interface Refused {
  readonly kind: "refused";
  /** Undefined when nothing is known under the id. */
  readonly session: SessionRecord | undefined;
  readonly events: readonly SessionEvent[];
  readonly refusal: Refusal;
}
