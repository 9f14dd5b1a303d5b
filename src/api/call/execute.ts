import { type Principal, reaches } from "../../auth/principal.ts";
import type { AnswerOf, Command } from "../../core/command.ts";
import type { SessionId } from "../../core/ids.ts";
import type { Session, SessionRecord } from "../../core/session.ts";
import type { LeaseService, Outcome, Permit } from "../../service/lease-service.ts";
import { done, mapDone, type Result, refused } from "../refusal/result.ts";

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
export async function execute<C extends Command>(
  service: LeaseService,
  principal: Principal,
  { sessionId, command }: Addressed<C>,
): Promise<Result<Answered<C>>> {
  return toAnswered(await service.execute(sessionId, command, permitOf(principal)));
}

/** The same for commands that only an attached session accepts. */
export async function executeOnSession<C extends Command>(
  service: LeaseService,
  principal: Principal,
  addressed: Addressed<C>,
): Promise<Result<AnsweredBySession<C>>> {
  return mapDone(await execute(service, principal, addressed), withSession);
}

/**
 * Lets a principal reach its own sessions, and unknown ones, for which the command answers. Other
 * sessions are unknown to it.
 */
export function permitOf(principal: Principal): Permit {
  if (principal.reach.kind === "every") return everySession;
  return (record) =>
    record === undefined || reaches(principal, record) ? undefined : { reason: "SESSION_UNKNOWN" };
}

const everySession: Permit = () => undefined;

function toAnswered<C extends Command>(outcome: Outcome<C>): Result<Answered<C>> {
  return outcome.kind === "refused"
    ? refused(outcome.refusal)
    : done({ record: outcome.session, answer: outcome.answer });
}

/** What only an attached session accepts, as {@link executeOnSession} answers it. */
export function toAnsweredBySession<C extends Command>(
  outcome: Outcome<C>,
): Result<AnsweredBySession<C>> {
  return mapDone(toAnswered(outcome), withSession);
}

function withSession<C extends Command>({ record, answer }: Answered<C>): AnsweredBySession<C> {
  if (record?.kind !== "attached") throw new Error("a call was accepted without a session");
  return { session: record, answer };
}
