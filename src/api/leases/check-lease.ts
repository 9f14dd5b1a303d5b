import type { CheckLease } from "../../core/command.ts";
import type { SessionId } from "../../core/ids.ts";
import type {
  CheckLeaseRequest,
  FastPathRegistry,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { ApiDependencies } from "../call/dependencies.ts";
import { executeOnSession } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { mapDone, type Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { idFault, requiredTextFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { presentPath } from "../transport/present-transport.ts";
import { presentLease } from "./present-lease.ts";

export function createCheckLease(
  dependencies: ApiDependencies,
): Handlers<typeof FastPathRegistry>["checkLease"] {
  const { service } = dependencies;
  return unary(dependencies, {
    rpc: "CheckLease",
    action: "check the lease",
    parse: parseCheckLease,
    perform: async (principal, { sessionId, token }) => {
      const command: CheckLease = { kind: "CheckLease", tokenHash: service.tokens.hash(token) };
      const result = await executeOnSession(service, principal, { sessionId, command });
      return mapDone(result, ({ session, answer }) => ({
        lease: presentLease(session, answer.lease, service),
        path: presentPath(session),
        generation: BigInt(session.transport.generation),
        leaseVersion: BigInt(session.leases.version),
      }));
    },
  });
}

function parseCheckLease(
  request: CheckLeaseRequest,
): Result<{ readonly sessionId: SessionId; readonly token: string }> {
  const check = new FieldCheck();
  const { sessionId, controllerToken: token } = request;
  check.note("session_id", idFault(sessionId));
  check.note("controller_token", requiredTextFault(token, limits.tokenLength));
  return check.finish({ sessionId, token });
}
