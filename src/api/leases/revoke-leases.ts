import type { Revoke } from "../../core/command.ts";
import type { DurationMs } from "../../core/time.ts";
import type {
  FastPathRegistry,
  RevokeLeasesRequest,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { ApiDependencies } from "../call/dependencies.ts";
import { type Addressed, execute } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { mapDone, type Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { idFault, reasonFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { checkIds, parseDuration } from "../request/parse-values.ts";

export function createRevokeLeases(
  dependencies: ApiDependencies,
): Handlers<typeof FastPathRegistry>["revokeLeases"] {
  const { service, holdMsMax } = dependencies;
  return unary(dependencies, {
    rpc: "RevokeLeases",
    action: "revoke the leases",
    parse: (request) => parseRevoke(request, holdMsMax),
    perform: async (principal, addressed) =>
      mapDone(await execute(service, principal, addressed), ({ answer }) => answer),
  });
}

const hourMs = 3_600_000;

function parseRevoke(
  request: RevokeLeasesRequest,
  holdMsMax: DurationMs,
): Result<Addressed<Revoke>> {
  const check = new FieldCheck();
  const { sessionId, leaseIds, reason } = request;
  check.note("session_id", idFault(sessionId));
  check.note("reason", reasonFault(reason));
  const holdMs = parseDuration({ check, name: "hold" }, request.hold, (ms) =>
    ms < 0 || ms > holdMsMax ? `must be from zero to ${holdMsMax / hourMs} hours` : undefined,
  );
  checkIds({ check, name: "lease_ids" }, leaseIds, limits.namedLeases);
  return check.finish({ sessionId, command: { kind: "Revoke", leaseIds, reason, holdMs } });
}
