import type { Principal } from "../../auth/principal.ts";
import type { AnswerOf, Command } from "../../core/command.ts";
import type { SessionId } from "../../core/ids.ts";
import type { Session, SessionRecord } from "../../core/session.ts";
import { type Awaitable, whenReady } from "../../service/awaitable.ts";
import type { LeaseService } from "../../service/lease-service.ts";
import { done, mapDone, type Result, refused } from "../refusal/result.ts";
import { ifReached } from "./gate.ts";

/** A command, and the session that it is for. */
export interface Addressed<C> {
  readonly sessionId: SessionId;
  readonly command: C;
}

/** What an accepted command answered, and the record as that left it. */
export interface Answered<C extends Command> {
  readonly record: SessionRecord | undefined;
  readonly answer: AnswerOf<C>;
}

/** What a command answered that only an attached session accepts. */
export interface AnsweredBySession<C extends Command> {
  readonly session: Session;
  readonly answer: AnswerOf<C>;
}

/** Executes the command, unless the session is known and not the principal's own. */
export function execute<C extends Command>(
  service: LeaseService,
  principal: Principal,
  { sessionId, command }: Addressed<C>,
): Awaitable<Result<Answered<C>>> {
  return ifReached(service, principal, sessionId, () => executeAny(service, sessionId, command));
}

/** The same for commands that only an attached session accepts. */
export function executeOnSession<C extends Command>(
  service: LeaseService,
  principal: Principal,
  addressed: Addressed<C>,
): Awaitable<Result<AnsweredBySession<C>>> {
  return whenReady(execute(service, principal, addressed), (result) =>
    mapDone(result, withSession),
  );
}

/** Executes the command, whoever asks. */
export function executeAny<C extends Command>(
  service: LeaseService,
  sessionId: SessionId,
  command: C,
): Awaitable<Result<Answered<C>>> {
  return whenReady(service.execute(sessionId, command), (outcome) =>
    outcome.kind === "refused"
      ? refused(outcome.refusal)
      : done({ record: outcome.session, answer: outcome.answer }),
  );
}

export function withSession<C extends Command>({
  record,
  answer,
}: Answered<C>): AnsweredBySession<C> {
  if (record?.kind !== "attached") throw new Error("a call was accepted without a session");
  return { session: record, answer };
}
