import type { Credentials } from "../../auth/authenticator.ts";
import { authorize, type RpcName } from "../../auth/authorize.ts";
import type { Principal } from "../../auth/principal.ts";
import type { SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { LeaseService } from "../../service/lease-service.ts";
import { thrownRefusal } from "../refusal/error-mapping.ts";
import { done, type Refusal, type Result, refused } from "../refusal/result.ts";
import type { ApiDependencies } from "./dependencies.ts";

/** Authenticates the caller and checks whether it may make this call at this door. */
export async function enter(
  dependencies: Pick<ApiDependencies, "authenticator" | "door" | "callRates">,
  rpc: RpcName,
  call: Credentials,
): Promise<Result<Principal>> {
  const { authenticator, door } = dependencies;
  const authentication = await authenticator.authenticate(call, door);
  if (authentication.kind === "refused") return refused(authentication.refusal);
  const { principal } = authentication;
  const refusal = authorize(principal, rpc, door);
  if (refusal !== undefined) return refused(refusal);
  const spent = isCounted(principal) ? await countCall(dependencies, principal) : undefined;
  return spent === undefined ? done(principal) : refused(spent);
}

/** In dev everybody is the same caller. */
function isCounted({ authenticatedBy }: Principal): boolean {
  return authenticatedBy !== "dev";
}

/** Checks a later message of a stream: its bearer may have ended, and each message counts as a call. */
export async function checkMessage(
  dependencies: Pick<ApiDependencies, "authenticator" | "callRates">,
  principal: Principal,
): Promise<Refusal | undefined> {
  if (!dependencies.authenticator.isCurrent(principal)) {
    return { reason: "UNAUTHENTICATED", why: "expired" };
  }
  return isCounted(principal) ? await countCall(dependencies, principal) : undefined;
}

async function countCall(
  { callRates }: Pick<ApiDependencies, "callRates">,
  principal: Principal,
): Promise<Refusal | undefined> {
  const spent = await callRates.count(principal, `${principal.kind} ${principal.subject}`);
  return spent && thrownRefusal(spent);
}

/** The session as it stands; a store that cannot be reached is a refusal. */
export async function find(
  service: LeaseService,
  id: SessionId,
): Promise<Result<SessionRecord | undefined>> {
  try {
    return done(await service.find(id));
  } catch (thrown) {
    const refusal = thrownRefusal(thrown);
    if (refusal === undefined) throw thrown;
    return refused(refusal);
  }
}
