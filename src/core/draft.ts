import type { AnswerOf, Command, DecisionContext } from "./command.ts";
import type { Accepted, Refused } from "./decision.ts";
import type { SessionEvent } from "./event.ts";
import { evolve } from "./evolve.ts";
import type { SessionId } from "./ids.ts";
import type { Refusal } from "./refusal.ts";
import type { Session, SessionRecord } from "./session.ts";

/** A decision in the making: the record so far, and the events that led to it. */
export interface Draft {
  readonly id: SessionId;
  readonly context: DecisionContext;
  record: SessionRecord | undefined;
  readonly events: SessionEvent[];
}

/** Something happens. */
export function apply(draft: Draft, event: SessionEvent): void {
  draft.record = evolve(draft.record, event, draft.id);
  draft.events.push(event);
}

/** The session as it is by now. */
export function sessionOf(draft: Draft): Session {
  if (draft.record?.kind !== "attached") throw new Error("the draft holds no attached session");
  return draft.record;
}

export function accept<C extends Command>(draft: Draft, answer: AnswerOf<C>): Accepted<C> {
  return { kind: "accepted", session: draft.record, events: draft.events, answer };
}

export function refuse(draft: Draft, refusal: Refusal): Refused {
  return { kind: "refused", session: draft.record, events: draft.events, refusal };
}
