import type { AccountId } from "../core/ids.ts";
import type { Refusal } from "../core/refusal.ts";
import type { Door } from "./authenticator.ts";
import type { Principal } from "./principal.ts";

type Kind = Principal["kind"];

export interface Rule {
  /** Who is served at each door; nobody: the door does not have the rpc. */
  readonly internal: readonly Kind[];
  readonly public: readonly Kind[];
  /** Any one of them suffices. */
  readonly scopes: readonly [string, ...string[]];
}

const everyone: readonly Kind[] = ["service", "person", "host"];
const actors: readonly Kind[] = ["service", "person"];
const hosts: readonly Kind[] = ["host", "service"];
const services: readonly Kind[] = ["service"];
const nobody: readonly Kind[] = [];

const controlWrite = "pb:control.write";
const controlRead = "pb:control.read";
const controlConsume = "pb:control.consume";
const sessionsRead = "pb:sessions.read";
const sessionsWrite = "pb:sessions.write";
const harnessPublish = "pb:harness.publish";

/** A lease's token is the proof, so whoever may take a lease with a passcode may keep it. */
const leaseHolder: Rule["scopes"] = [controlWrite, sessionsRead];

export type RpcName =
  | "Acquire"
  | "Renew"
  | "Renegotiate"
  | "Release"
  | "KeepAlive"
  | "WatchTransport"
  | "AttachSession"
  | "DetachSession"
  | "ReportTransport"
  | "CheckHandshake"
  | "CheckLease"
  | "RevokeLeases"
  | "ListSessions"
  | "SummarizeFleet";

/** Who may call what, at which door. */
export const rules: Readonly<Record<RpcName, Rule>> = {
  Acquire: { internal: actors, public: actors, scopes: leaseHolder },
  Renew: { internal: actors, public: actors, scopes: leaseHolder },
  Renegotiate: { internal: actors, public: actors, scopes: leaseHolder },
  Release: { internal: actors, public: actors, scopes: leaseHolder },
  KeepAlive: { internal: actors, public: actors, scopes: leaseHolder },
  WatchTransport: {
    internal: everyone,
    public: everyone,
    scopes: [sessionsRead, controlConsume, harnessPublish],
  },
  AttachSession: { internal: services, public: nobody, scopes: [sessionsWrite] },
  DetachSession: { internal: services, public: nobody, scopes: [sessionsWrite] },
  ReportTransport: {
    internal: hosts,
    public: hosts,
    scopes: [harnessPublish, controlConsume, sessionsWrite],
  },
  CheckHandshake: {
    internal: hosts,
    public: hosts,
    scopes: [harnessPublish, controlConsume, sessionsRead],
  },
  CheckLease: { internal: services, public: nobody, scopes: [controlRead] },
  RevokeLeases: { internal: actors, public: actors, scopes: [controlWrite] },
  ListSessions: { internal: actors, public: actors, scopes: [sessionsRead] },
  SummarizeFleet: { internal: actors, public: actors, scopes: [sessionsRead] },
};

/** Whether the door has the rpc at all; to a caller it is UNIMPLEMENTED otherwise. */
export function isServed(rpc: RpcName, door: Door): boolean {
  return rules[rpc][door].length > 0;
}

/** Undefined when the principal may make the call; which sessions it reaches is asked apart. */
export function authorize(principal: Principal, rpc: RpcName, door: Door): Refusal | undefined {
  const rule = rules[rpc];
  const allowed =
    rule[door].includes(principal.kind) && rule.scopes.some((scope) => hasScope(principal, scope));
  return allowed ? undefined : { reason: "SCOPE_MISSING", scope: rule.scopes[0] };
}

/** Exact, `*`, or by a prefix such as `pb:sessions.*`. */
export function hasScope(principal: Principal, scope: string): boolean {
  return principal.scopes.some(
    (held) =>
      held === scope ||
      held === "*" ||
      (held.endsWith(".*") && scope.startsWith(held.slice(0, -1))),
  );
}

export interface AcquireFacts {
  /** The session is known and the principal reaches it. */
  readonly own: boolean;
  /** A lease of the principal's own account, under the key it asks for, is live. */
  readonly renewsOwn: boolean;
  readonly passcodeGiven: boolean;
}

/**
 * Whether an acquire goes ahead as it is, needs its passcode verified first, or is refused. A lease
 * that is being renewed was granted to somebody who had standing then, so no passcode is asked for:
 * trouble of whoever verifies passcodes must not end leases.
 */
export function standingToAcquire(
  principal: Principal,
  facts: AcquireFacts,
): "standing" | "verify_passcode" | Refusal {
  const mayControl = hasScope(principal, controlWrite);
  if (facts.renewsOwn || (facts.own && mayControl)) return "standing";
  if (facts.passcodeGiven) return "verify_passcode";
  return facts.own
    ? { reason: "SCOPE_MISSING", scope: controlWrite }
    : { reason: "SESSION_UNKNOWN" };
}

/** Undefined when the principal may renegotiate without holding a lease. */
export function authorizeOperator(principal: Principal): Refusal | undefined {
  return hasScope(principal, controlWrite)
    ? undefined
    : { reason: "SCOPE_MISSING", scope: controlWrite };
}

/** In whose name a lease is taken; only services may name another account than their own. */
export function accountFor(
  principal: Principal,
  requested: AccountId,
): { readonly account: AccountId } | "missing" | "not_yours" {
  const account = requested === "" ? (principal.account ?? "") : requested;
  if (account === "" && principal.authenticatedBy !== "dev") return "missing";
  const own = principal.account === undefined || account === principal.account;
  return own || principal.kind === "service" ? { account } : "not_yours";
}
