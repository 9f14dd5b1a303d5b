import type { AnswerOf, Command } from "./command.ts";
import type { SessionEvent } from "./event.ts";
import type { Refusal } from "./refusal.ts";
import type { SessionRecord } from "./session.ts";

/**
 * What a command comes to. `events` hold what time alone had made due as well: they are to be
 * committed whether the command is accepted or refused. `session` is the record after them.
 */
export type Decision<C extends Command> = Accepted<C> | Refused;

export interface Accepted<C extends Command> {
  readonly kind: "accepted";
  /** Undefined when a tombstone had stood for its time. */
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
