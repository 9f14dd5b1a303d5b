import type { Principal } from "../../auth/principal.ts";
import type { AnswerOf, Release } from "../../core/command.ts";
import type { SessionId } from "../../core/ids.ts";
import type {
  ControllerLease,
  ReleaseRequest,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { LeaseService } from "../../service/lease-service.ts";
import type { ApiDependencies } from "../call/dependencies.ts";
import { execute } from "../call/execute.ts";
import type { Handlers } from "../call/handlers.ts";
import { unary } from "../call/unary.ts";
import { mapDone, type Result } from "../refusal/result.ts";
import { FieldCheck } from "../request/field-check.ts";
import { idFault, requiredTextFault } from "../request/field-rules.ts";
import { limits } from "../request/limits.ts";

/** A request to release a lease, in whatever form it came. */
export interface ReleaseAsked {
  readonly sessionId: SessionId;
  readonly token: string;
}

export function createRelease(
  dependencies: ApiDependencies,
): Handlers<typeof ControllerLease>["release"] {
  return unary(dependencies, {
    rpc: "Release",
    action: "release the lease",
    parse: parseRelease,
    perform: async (principal, asked) =>
      mapDone(await releaseLease(dependencies.service, principal, asked), ({ released }) => ({
        released,
      })),
  });
}

function parseRelease(request: ReleaseRequest): Result<ReleaseAsked> {
  const check = new FieldCheck();
  const { sessionId, controllerToken: token } = request;
  check.note("session_id", idFault(sessionId));
  check.note("controller_token", requiredTextFault(token, limits.tokenLength));
  return check.finish({ sessionId, token });
}

/** Whether the token's lease was live until now, and otherwise how it had ended. */
export async function releaseLease(
  service: LeaseService,
  principal: Principal,
  { sessionId, token }: ReleaseAsked,
): Promise<Result<AnswerOf<Release>>> {
  const command: Release = { kind: "Release", tokenHash: service.tokens.hash(token) };
  const result = await execute(service, principal, { sessionId, command });
  return mapDone(result, ({ answer }) => answer);
}
