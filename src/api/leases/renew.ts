import type { Principal } from "../../auth/principal.ts";
import type { Renew } from "../../core/command.ts";
import type { SessionId } from "../../core/ids.ts";
import type { DurationMs } from "../../core/time.ts";
import type {
  ControllerLease,
  RenewRequest,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type {
  ControllerTokens,
  LeaseService,
  Permit,
  RenewalTurn,
} from "../../service/lease-service.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { permitOf, toAnsweredBySession } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { mapDone, type Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { idFault, requiredTextFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { parseTtl } from "../request/parse-values.ts";
import { type Held, type Presenter, presentHeld } from "./present-lease.ts";

/** A request to renew a lease, in whatever form it came. */
export interface RenewAsked {
  readonly sessionId: SessionId;
  readonly token: string;
  readonly ttlMs: DurationMs | undefined;
  readonly leaseOnly: boolean;
  readonly renewsSlowly?: boolean;
}

export function createRenew(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease>["renew"] {
  const { service } = dependencies;
  return unary(dependencies, {
    rpc: "Renew",
    action: "renew the lease",
    parse: parseRenew,
    perform: (principal, asked) => renewLease(service, principal, asked, presentHeld),
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

/** Takes the path without a wait where possible: nearly every call of the service is a renewal. */
export async function renewLease<Reply>(
  service: LeaseService,
  principal: Principal,
  asked: RenewAsked,
  present: (held: Held, as: Presenter) => Reply,
): Promise<Result<Reply>> {
  const permit = permitOf(principal);
  {
    // The answer is as of the moment of the renewal.
    using turn = service.renewalTurn(permit);
    const renewed = renewIn(turn, service, asked);
    if (renewed !== undefined) return mapDone(renewed, (held) => present(held, turn));
  }
  const renewed = await renewLater(service, permit, asked);
  return mapDone(renewed, (held) => present(held, service));
}

/** Undefined for a renewal that has to wait: nothing has happened then. */
export function renewIn(
  turn: RenewalTurn,
  { tokens }: Pick<LeaseService, "tokens">,
  asked: RenewAsked,
): Result<Held> | undefined {
  const outcome = turn.renew(asked.sessionId, commandOf(asked, tokens));
  return outcome && toAnsweredBySession(outcome);
}

/** A renewal that may have to wait. */
export async function renewLater(
  service: LeaseService,
  permit: Permit,
  asked: RenewAsked,
): Promise<Result<Held>> {
  const command = commandOf(asked, service.tokens);
  return toAnsweredBySession(await service.execute(asked.sessionId, command, permit));
}

function commandOf(
  { token, ttlMs, leaseOnly, renewsSlowly = false }: RenewAsked,
  tokens: Pick<ControllerTokens, "hash">,
): Renew {
  return { kind: "Renew", tokenHash: tokens.hash(token), ttlMs, leaseOnly, renewsSlowly };
}
