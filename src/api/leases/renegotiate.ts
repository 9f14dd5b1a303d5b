import type { MessageInitShape } from "@bufbuild/protobuf";

import { authorizeOperator } from "../../auth/authorize.ts";
import type { Principal } from "../../auth/principal.ts";
import type { NegotiationAnswer, Renegotiate } from "../../core/command.ts";
import type { SessionId } from "../../core/ids.ts";
import type { NegotiationReason, Session } from "../../core/session.ts";
import {
  type ControllerLease,
  type RenegotiateRequest,
  type RenegotiateResponseSchema,
  RenegotiationReason,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { LeaseService } from "../../service/lease-service.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { executeOnSession } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { mapDone, type Result, refused } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { idFault, lengthFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { parseCount } from "../request/parse-values.ts";
import { type Presenter, presentAnswer, presentTransportAfter } from "./present-lease.ts";

interface RenegotiateAsked {
  readonly sessionId: SessionId;
  /** Empty for an operator without a lease. */
  readonly token: string;
  readonly reason: NegotiationReason;
  readonly observedGeneration: number | undefined;
}

interface Negotiated {
  readonly session: Session;
  readonly answer: NegotiationAnswer;
}

export function createRenegotiate(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease>["renegotiate"] {
  const { service } = dependencies;
  return unary(dependencies, {
    rpc: "Renegotiate",
    action: "renegotiate the fast path",
    parse: parseRenegotiate,
    perform: async (principal, asked) =>
      mapDone(await renegotiate(service, principal, asked), (negotiated) =>
        presentNegotiated(negotiated, service),
      ),
  });
}

function parseRenegotiate(request: RenegotiateRequest): Result<RenegotiateAsked> {
  const check = new FieldCheck();
  const { sessionId, controllerToken: token, observedGeneration: observed } = request;
  const reason = negotiationReasons[request.reason];
  check.note("session_id", idFault(sessionId));
  check.note(
    "controller_token",
    token === "" && reason !== "operator"
      ? `must be 1 to ${limits.tokenLength} characters; only reason OPERATOR goes without`
      : lengthFault(token, limits.tokenLength),
  );
  check.note("reason", reason === undefined ? "must be a RenegotiationReason" : undefined);
  const observedGeneration =
    observed === undefined
      ? undefined
      : parseCount({ check, name: "observed_generation" }, observed);
  return check.finish({ sessionId, token, reason: reason ?? "unspecified", observedGeneration });
}

/** An open enum: a later client may send a number that is not here. */
const negotiationReasons: Readonly<Record<number, NegotiationReason>> = {
  [RenegotiationReason.UNSPECIFIED]: "unspecified",
  [RenegotiationReason.TRANSPORT_LOST]: "transport_lost",
  [RenegotiationReason.POOR_QUALITY]: "poor_quality",
  [RenegotiationReason.NETWORK_CHANGED]: "network_changed",
  [RenegotiationReason.OPERATOR]: "operator",
};

async function renegotiate(
  service: LeaseService,
  principal: Principal,
  { sessionId, token, reason, observedGeneration }: RenegotiateAsked,
): Promise<Result<Negotiated>> {
  const refusal = token === "" ? authorizeOperator(principal) : undefined;
  if (refusal !== undefined) return refused(refusal);
  const tokenHash = token === "" ? undefined : service.tokens.hash(token);
  const command = { kind: "Renegotiate", tokenHash, reason, observedGeneration } as const;
  return await executeOnSession<Renegotiate>(service, principal, { sessionId, command });
}

function presentNegotiated(
  { session, answer }: Negotiated,
  service: Presenter,
): MessageInitShape<typeof RenegotiateResponseSchema> {
  return {
    ...presentAnswer(session, answer, service),
    transport: presentTransportAfter(session, answer, service),
  };
}
