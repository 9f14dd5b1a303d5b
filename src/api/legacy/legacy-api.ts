import type { RpcName } from "../../auth/authorize.ts";
import type { Principal } from "../../auth/principal.ts";
import type { PublishToken } from "../../auth/publish-token.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { enter } from "../call/gate.ts";
import { acquireLease } from "../leases/acquire.ts";
import type { Held } from "../leases/present-lease.ts";
import { releaseLease } from "../leases/release.ts";
import { renewLease } from "../leases/renew.ts";
import { type LegacyErrorBody, refusalToLegacy, thrownRefusal } from "../refusal/error-mapping.ts";
import { done, mapDone, type Result, refused } from "../refusal/result.ts";
import { type LegacyRequest, parseHandshake, parseLease, parseToken } from "./legacy-parse.ts";
import {
  type LegacyHandshakeReply,
  type LegacyLeaseReply,
  presentLegacyHandshake,
  presentLegacyLease,
} from "./legacy-present.ts";

/** An answer that a door only has to write out. */
export interface LegacyAnswer<Reply> {
  readonly status: number;
  readonly body: Reply | LegacyErrorBody;
  /** Whole seconds for a Retry-After header. */
  readonly retryAfterSeconds: number | undefined;
}

interface LegacyRelease {
  readonly released: true;
}

/**
 * The old JSON routes on top of the same leases. Every method resolves with the status and body to
 * send, refusals included. It rejects only for an internal error, which is a 500 without text.
 */
export interface LegacyApi {
  /** POST /sessions/{id}/controller-handshake: acquires, and renegotiates only if it must. */
  acquireByHandshake(request: LegacyRequest): Promise<LegacyAnswer<LegacyHandshakeReply>>;
  /** POST /sessions/{id}/controller-handshake/renew: moves the expiry, and nothing else. */
  renewHandshake(request: LegacyRequest): Promise<LegacyAnswer<LegacyHandshakeReply>>;
  /** DELETE /sessions/{id}/controller-handshake. */
  releaseHandshake(request: LegacyRequest): Promise<LegacyAnswer<LegacyRelease>>;
  /** POST /sessions/{id}/controller/lease: acquires and renews, under the caller's own reason. */
  acquireLease(request: LegacyRequest): Promise<LegacyAnswer<LegacyLeaseReply>>;
  /** DELETE /sessions/{id}/controller/lease. */
  releaseLease(request: LegacyRequest): Promise<LegacyAnswer<LegacyRelease>>;
}

const fieldNames = {
  beachId: "requester_private_beach_id",
  accountId: "requesting_account_id",
} as const;

export function createLegacyApi(dependencies: ApiDependencies): LegacyApi {
  const { service } = dependencies;

  const answer = async <Asked, Reply>(
    rpc: RpcName,
    request: LegacyRequest,
    parse: (request: LegacyRequest) => Result<Asked>,
    perform: (principal: Principal, asked: Asked) => Promise<Result<Reply>>,
  ): Promise<LegacyAnswer<Reply>> => {
    try {
      const entered = await enter(dependencies, rpc, request);
      if (entered.kind === "refused") return toAnswer(entered);
      const asked = parse(request);
      if (asked.kind === "refused") return toAnswer(asked);
      return toAnswer(await perform(entered.value, asked.value));
    } catch (thrown) {
      const refusal = thrownRefusal(thrown);
      if (refusal === undefined) throw thrown;
      return toAnswer(refused(refusal));
    }
  };

  const release = (request: LegacyRequest): Promise<LegacyAnswer<LegacyRelease>> =>
    answer("Release", request, parseToken, async (principal, { token }) => {
      const released = await releaseLease(service, principal, {
        sessionId: request.sessionId,
        token,
      });
      if (released.kind === "refused") return released;
      const { endedBy } = released.value;
      // Releasing twice is no error. A token that never existed is a mismatch.
      return endedBy === "unknown"
        ? refused({ reason: "LEASE_NOT_LIVE", endedBy })
        : done({ released: true });
    });

  return {
    acquireByHandshake: (request) =>
      answer("Acquire", request, parseHandshake, async (principal, asked) => {
        const held = await acquireLease(dependencies, principal, {
          sessionId: request.sessionId,
          beachId: asked.requesterPrivateBeachId,
          reason: "auto_handshake",
          ttlMs: undefined,
          passcode: asked.passcode,
          accountId: "",
          fieldNames,
          renewsSlowly: true,
        });
        const publishToken = await hostTokenFor(held, dependencies);
        const { passcode } = asked;
        return mapDone(held, (value) =>
          presentLegacyHandshake(service, value, { passcode, publishToken }),
        );
      }),

    renewHandshake: (request) =>
      answer("Renew", request, parseToken, async (principal, { token, ttlMs }) => {
        const { sessionId } = request;
        const asked = { sessionId, token, ttlMs, leaseOnly: true, renewsSlowly: true };
        const held = await renewLease(service, principal, asked, (renewed) => renewed);
        // The request's token has just been verified. After the loss of a key, the derived one
        // would differ.
        const publishToken = await hostTokenFor(held, dependencies);
        return mapDone(held, (value) => ({
          ...presentLegacyHandshake(service, value, { passcode: "", publishToken }),
          controller_token: token,
        }));
      }),

    acquireLease: (request) =>
      answer("Acquire", request, parseLease, async (principal, asked) => {
        const held = await acquireLease(dependencies, principal, {
          sessionId: request.sessionId,
          beachId: "",
          reason: asked.reason,
          ttlMs: asked.ttlMs,
          passcode: "",
          accountId: asked.requestingAccountId,
          fieldNames,
          renewsSlowly: true,
        });
        return mapDone(held, (value) => presentLegacyLease(service, value.answer.lease));
      }),

    releaseHandshake: release,
    releaseLease: release,
  };
}

/** For the host of the session, which gets it from whoever holds the lease. */
async function hostTokenFor(
  held: Result<Held>,
  { publishTokens }: ApiDependencies,
): Promise<PublishToken | undefined> {
  return held.kind === "done" ? await publishTokens?.mint(held.value.session.id) : undefined;
}

function toAnswer<Reply>(result: Result<Reply>): LegacyAnswer<Reply> {
  return result.kind === "done"
    ? { status: 200, body: result.value, retryAfterSeconds: undefined }
    : refusalToLegacy(result.refusal);
}
