import type { Detach } from "../../core/command.ts";
import type {
  DetachSessionRequest,
  FastPathRegistry,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { ApiDependencies } from "../call/dependencies.ts";
import { type Addressed, execute } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { done, mapDone, type Refused, type Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { idFault, reasonFault } from "../request/field-rules.ts";

export function createDetachSession(
  dependencies: ApiDependencies,
): Handlers<typeof FastPathRegistry>["detachSession"] {
  return unary(dependencies, {
    rpc: "DetachSession",
    action: "detach the session",
    parse: parseDetach,
    perform: async (principal, addressed) => {
      const result = await execute(dependencies.service, principal, addressed);
      if (isUnknownSession(result)) return done({ detached: false });
      return mapDone(result, ({ answer }) => ({ detached: answer.detached }));
    },
  });
}

function isUnknownSession(result: { readonly kind: "done" } | Refused): boolean {
  return result.kind === "refused" && result.refusal.reason === "SESSION_UNKNOWN";
}

/** The service's own reasons in SessionGone. Readers act on them. */
const ownReasons: ReadonlySet<string> = new Set(["unknown", "idle"]);

const ownReasonWanted = `must not be "unknown" or "idle": these are the service's own words`;

function parseDetach(request: DetachSessionRequest): Result<Addressed<Detach>> {
  const check = new FieldCheck();
  const { sessionId, reason } = request;
  check.note("session_id", idFault(sessionId));
  check.note("reason", ownReasons.has(reason) ? ownReasonWanted : reasonFault(reason));
  return check.finish({ sessionId, command: { kind: "Detach", reason } });
}
