import { authorize, type RpcName } from "../auth/authorize.ts";
import { type Principal, reaches } from "../auth/principal.ts";
import type { SessionId } from "../core/ids.ts";
import type { SessionRecord } from "../core/session.ts";
import { type Awaitable, whenReady } from "../service/awaitable.ts";
import type { LeaseService } from "../service/lease-service.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { done, type Result, refused } from "./result.ts";

/** Tells who calls and whether they may make this call at this door at all. */
export async function enter(
  { authenticator, door }: Pick<ApiDependencies, "authenticator" | "door">,
  rpc: RpcName,
  requestHeader: Headers,
): Promise<Result<Principal>> {
  const authentication = await authenticator.authenticate(requestHeader, door);
  if (authentication.kind === "refused") return refused(authentication.refusal);
  const refusal = authorize(authentication.principal, rpc, door);
  return refusal === undefined ? done(authentication.principal) : refused(refusal);
}

/**
 * Goes on with `next` when the principal reaches the session, or when nobody knows it: what follows
 * answers that. To all others the session is not known.
 */
export function ifReached<T>(
  service: LeaseService,
  principal: Principal,
  id: SessionId,
  next: () => Awaitable<Result<T>>,
): Awaitable<Result<T>> {
  if (principal.reach.kind === "every") return next();
  return whenReady(service.find(id), (record) =>
    isForeign(principal, record) ? refused({ reason: "SESSION_UNKNOWN" }) : next(),
  );
}

/** The session is known, and not the principal's own. */
export function isForeign(principal: Principal, record: SessionRecord | undefined): boolean {
  return record !== undefined && !reaches(principal, record);
}
