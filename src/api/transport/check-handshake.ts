import type { CheckHandshake } from "../../core/command.ts";
import type {
  CheckHandshakeRequest,
  FastPathRegistry,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import type { ApiDependencies } from "../call/dependencies.ts";
import { type Addressed, executeOnSession } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { mapDone, type Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { idFault, requiredTextFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";
import { presentStanding, presentTransport } from "./present-transport.ts";

export function createCheckHandshake(
  dependencies: ApiDependencies,
): Handlers<typeof FastPathRegistry>["checkHandshake"] {
  const { service } = dependencies;
  return unary(dependencies, {
    rpc: "CheckHandshake",
    action: "check the handshake",
    parse: parseCheckHandshake,
    perform: async (principal, addressed) =>
      mapDone(await executeOnSession(service, principal, addressed), ({ session, answer }) => ({
        honoured: answer.honoured,
        standing: presentStanding(answer.standing),
        transport: presentTransport(session, service),
      })),
  });
}

function parseCheckHandshake(request: CheckHandshakeRequest): Result<Addressed<CheckHandshake>> {
  const check = new FieldCheck();
  const { sessionId, handshakeId } = request;
  check.note("session_id", idFault(sessionId));
  check.note("handshake_id", requiredTextFault(handshakeId, limits.idLength));
  return check.finish({ sessionId, command: { kind: "CheckHandshake", handshakeId } });
}
