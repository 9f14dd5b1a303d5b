import type { NegotiationReason } from "../../core/session.ts";
import {
  type AcquireRequest,
  type ReleaseRequest,
  type RenegotiateRequest,
  RenegotiationReason,
  type RenewRequest,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import {
  idFault,
  lengthFault,
  optionalIdFault,
  reasonFault,
  requiredTextFault,
} from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { parseCount, parseTtl } from "../request/parse-values.ts";
import type { AcquireAsked, RenegotiateAsked, RenewAsked } from "./acquire.ts";

const fieldNames = { beachId: "private_beach_id", accountId: "account_id" } as const;

export function parseAcquire(request: AcquireRequest): Result<AcquireAsked> {
  const check = new FieldCheck();
  check.note("session_id", idFault(request.sessionId));
  check.note("private_beach_id", optionalIdFault(request.privateBeachId));
  check.note("reason", reasonFault(request.reason));
  const ttlMs = parseTtl({ check, name: "ttl" }, request.ttl);
  check.note("passcode", lengthFault(request.passcode, limits.passcodeLength));
  check.note("account_id", optionalIdFault(request.accountId));
  return check.finish({
    sessionId: request.sessionId,
    beachId: request.privateBeachId,
    reason: request.reason,
    ttlMs,
    passcode: request.passcode,
    accountId: request.accountId,
    fieldNames,
  });
}

export function parseRenew(request: RenewRequest): Result<RenewAsked> {
  const check = new FieldCheck();
  const { sessionId, controllerToken: token, leaseOnly } = request;
  check.note("session_id", idFault(sessionId));
  check.note("controller_token", requiredTextFault(token, limits.tokenLength));
  const ttlMs = parseTtl({ check, name: "ttl" }, request.ttl);
  return check.finish({ sessionId, token, ttlMs, leaseOnly });
}

export function parseRelease(
  request: ReleaseRequest,
): Result<{ readonly sessionId: string; readonly token: string }> {
  const check = new FieldCheck();
  const { sessionId, controllerToken: token } = request;
  check.note("session_id", idFault(sessionId));
  check.note("controller_token", requiredTextFault(token, limits.tokenLength));
  return check.finish({ sessionId, token });
}

export function parseRenegotiate(request: RenegotiateRequest): Result<RenegotiateAsked> {
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
