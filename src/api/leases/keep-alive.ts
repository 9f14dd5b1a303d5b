import type { MessageInitShape } from "@bufbuild/protobuf";

import type { Principal } from "../../auth/principal.ts";
import type {
  ControllerLease,
  KeepAliveRequest,
  KeepAliveResultSchema,
  RenewRequest,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { type Awaitable, orElse, whenReady } from "../../service/awaitable.ts";
import { inTurns } from "../call/batch.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { enter } from "../call/gate.ts";
import type { Handlers } from "../call/handlers.ts";
import { valueOrThrow } from "../call/unary.ts";
import { done, type Result } from "../refusal/result.ts";
import { fieldInvalid } from "../request/field-check.ts";
import { limits } from "../request/limits.ts";
import type { LeaseCalls } from "./acquire.ts";
import { parseRenew } from "./parse-lease.ts";
import { presentFailed, presentKept, presentNotKept } from "./present-lease.ts";

type KeepAliveResult = MessageInitShape<typeof KeepAliveResultSchema>;

const action = "keep the leases alive";

/** Renews batch after batch: one answer per message, in order, and one at a time. */
export function createKeepAlive(
  dependencies: ApiDependencies,
  calls: LeaseCalls,
): Handlers<typeof ControllerLease>["keepAlive"] {
  const { service, onItemFailed } = dependencies;

  const keep = (principal: Principal, renewal: RenewRequest): Awaitable<KeepAliveResult> => {
    const asked = parseRenew(renewal);
    if (asked.kind === "refused") return presentNotKept(renewal.sessionId, asked.refusal);
    return whenReady(calls.renew(principal, asked.value), (result) =>
      result.kind === "refused"
        ? presentNotKept(renewal.sessionId, result.refusal)
        : presentKept(result.value, service),
    );
  };

  /** A bug that one renewal meets spoils no other. */
  const keepOrFail = (principal: Principal, renewal: RenewRequest): Awaitable<KeepAliveResult> =>
    orElse(
      () => keep(principal, renewal),
      (error) => {
        onItemFailed({ sessionId: renewal.sessionId, error });
        return presentFailed(renewal.sessionId);
      },
    );

  return async function* (requests, call) {
    const principal = valueOrThrow(await enter(dependencies, "KeepAlive", call), action);
    for await (const message of requests) {
      const renewals = valueOrThrow(batchOf(message), action);
      const results = await inTurns(renewals, (renewal) => keepOrFail(principal, renewal));
      yield { results: [...results] };
    }
  };
}

function batchOf({ renewals }: KeepAliveRequest): Result<readonly RenewRequest[]> {
  return renewals.length <= limits.batch
    ? done(renewals)
    : fieldInvalid("renewals", `must have at most ${limits.batch} entries`);
}
