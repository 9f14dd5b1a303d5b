import type { SessionId } from "../../core/ids.ts";
import type {
  ControllerLease,
  KeepAliveRequest,
  RenewRequest,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { Permit, RenewalTurn } from "../../service/lease-service.ts";
import { partsInTurns } from "../call/batch.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { permitOf } from "../call/execute.ts";
import { checkMessage, enter } from "../call/gate.ts";
import type { Handlers } from "../call/handlers.ts";
import { toDuration } from "../moments.ts";
import {
  internalMessage,
  internalReason,
  refusalMessage,
  refusalToConnectError,
  retryAfterOf,
  valueOrThrow,
} from "../refusal/error-mapping.ts";
import type { Refusal } from "../refusal/result.ts";
import { done, type Result } from "../refusal/result.ts";
import { fieldInvalid } from "../request/field-check.ts";
import { idStart } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { presentPath } from "../transport/present-transport.ts";
import { Kept, type ResultInit } from "./kept.ts";
import { type BatchResult, KeptBatch } from "./kept-batch.ts";
import { type Held, type Presenter, presentAnswer } from "./present-lease.ts";
import { parseRenew, type RenewAsked, renewIn, renewLater } from "./renew.ts";

const action = "keep the leases alive";
const renewing = "renew the lease";

/** Renews batch after batch: one answer per message, in order, and one at a time. */
export function createKeepAlive(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease>["keepAlive"] {
  const { service, onItemFailed } = dependencies;

  /** An internal error of one renewal affects no other. */
  const failed = (sessionId: SessionId, error: unknown): ResultInit => {
    onItemFailed({ sessionId, error });
    return presentFailed(sessionId);
  };

  const keepLater = async (permit: Permit, asked: RenewAsked): Promise<BatchResult> => {
    try {
      return present(await renewLater(service, permit, asked), asked.sessionId, service);
    } catch (error) {
      return failed(asked.sessionId, error);
    }
  };

  const keep = (
    turn: RenewalTurn,
    permit: Permit,
    renewal: RenewRequest,
  ): BatchResult | Promise<BatchResult> => {
    const { sessionId } = renewal;
    try {
      const asked = parseRenew(renewal);
      if (asked.kind === "refused") return presentNotKept(idStart(sessionId), asked.refusal);
      const result = renewIn(turn, service, asked.value);
      return result === undefined
        ? keepLater(permit, asked.value)
        : present(result, sessionId, turn);
    } catch (error) {
      return failed(sessionId, error);
    }
  };

  /** All of a part are renewed as of one moment, but for those that have to wait. */
  const keepPart = (
    part: readonly RenewRequest[],
    permit: Permit,
  ): readonly (BatchResult | Promise<BatchResult>)[] => {
    using turn = service.renewalTurn(permit);
    return part.map((renewal) => keep(turn, permit, renewal));
  };

  return async function* (requests, call) {
    const principal = valueOrThrow(await enter(dependencies, "KeepAlive", call), action);
    const permit = permitOf(principal);
    let isFirst = true;
    for await (const message of requests) {
      const refusal = isFirst ? undefined : await checkMessage(dependencies, principal);
      if (refusal !== undefined) throw refusalToConnectError(refusal, action);
      isFirst = false;
      const renewals = valueOrThrow(batchOf(message), action);
      yield new KeptBatch(await partsInTurns(renewals, (part) => keepPart(part, permit)));
    }
  };
}

function batchOf({ renewals }: KeepAliveRequest): Result<readonly RenewRequest[]> {
  return renewals.length <= limits.batch
    ? done(renewals)
    : fieldInvalid("renewals", `must have at most ${limits.batch} entries`);
}

function present(result: Result<Held>, sessionId: SessionId, presenter: Presenter): BatchResult {
  return result.kind === "refused"
    ? presentNotKept(sessionId, result.refusal)
    : presentKept(result.value, presenter);
}

/** One renewal of a batch, without the whole transport. */
function presentKept({ session, answer }: Held, service: Presenter): BatchResult {
  const { lease, renewAfterMs, negotiation } = answer;
  const now = service.now();
  const kept = new Kept({
    sessionId: session.id,
    expiresAt: service.toWall(lease.expiresAt),
    expiresInMs: lease.expiresAt - now,
    renewAfterMs,
    generation: session.transport.generation,
    path: presentPath(session),
  });
  if (negotiation.outcome === "renegotiate") {
    return { ...kept.toMessage(), ...presentAnswer(session, negotiation, service) };
  }
  const { retryAt } = negotiation;
  if (retryAt === undefined) return kept;
  return { ...kept.toMessage(), retryAfter: toDuration(retryAt - now) };
}

function presentNotKept(sessionId: string, refusal: Refusal): ResultInit {
  const retryAfterMs = retryAfterOf(refusal);
  return {
    sessionId,
    refusal: refusal.reason,
    detail: refusalMessage(refusal, renewing),
    endedBy: refusal.reason === "LEASE_NOT_LIVE" ? refusal.endedBy : "",
    retryAfter: retryAfterMs === undefined ? undefined : toDuration(retryAfterMs),
  };
}

/** The result of a renewal with an internal error. Its caller learns no details. */
function presentFailed(sessionId: string): ResultInit {
  return { sessionId, refusal: internalReason, detail: internalMessage(renewing) };
}
