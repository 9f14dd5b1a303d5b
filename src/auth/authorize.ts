import type { AccountId } from "../core/ids.ts";
import type { Refusal } from "../core/refusal.ts";
import type { Door } from "./authenticator.ts";
import type { Principal } from "./principal.ts";

type Kind = Principal["kind"];

/** Any one of them suffices. */
type Scopes = readonly [string, ...string[]];

interface Rule {
  readonly doors: readonly Door[];
  /** Who may make the call at all, and with which scopes. */
  readonly may: Readonly<Partial<Record<Kind, Scopes>>>;
}

const controlWrite = "pb:control.write";
const controlRead = "pb:control.read";
const controlConsume = "pb:control.consume";
const sessionsRead = "pb:sessions.read";
const sessionsWrite = "pb:sessions.write";
const harnessPublish = "pb:harness.publish";

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

const bothDoors: readonly Door[] = ["internal", "public"];
const internalDoor: readonly Door[] = ["internal"];

/** A call that services and people make with the same scopes. */
function acting(...scopes: Scopes): Rule {
  return { doors: bothDoors, may: { service: scopes, person: scopes } };
}

function servicesOnly(...scopes: Scopes): Rule {
  return { doors: internalDoor, may: { service: scopes } };
}

const ofHosts: Scopes = [harnessPublish, controlConsume];

/**
 * Who may call what, at which door. A caller with a client certificate is a service with every
 * scope: Beach Manager.
 */
export const rules: Readonly<Record<RpcName, Rule>> = {
  // With pb:sessions.read alone a passcode is asked for, and the lease is renewed by acquiring again.
  Acquire: acting(controlWrite, sessionsRead),
  Renew: acting(controlWrite),
  Renegotiate: acting(controlWrite),
  Release: acting(controlWrite),
  KeepAlive: acting(controlWrite),
  WatchTransport: {
    doors: bothDoors,
    may: {
      service: [sessionsRead, controlRead],
      person: [sessionsRead, controlRead],
      host: ofHosts,
    },
  },
  AttachSession: servicesOnly(sessionsWrite),
  DetachSession: servicesOnly(sessionsWrite),
  ReportTransport: {
    doors: bothDoors,
    may: { service: [controlConsume, sessionsWrite], host: ofHosts },
  },
  CheckHandshake: {
    doors: bothDoors,
    may: { service: [controlConsume, sessionsRead], host: ofHosts },
  },
  CheckLease: servicesOnly(controlRead),
  RevokeLeases: acting(controlWrite),
  ListSessions: acting(sessionsRead),
  SummarizeFleet: acting(sessionsRead),
};

/** Whether the door has the rpc at all; to a caller it is UNIMPLEMENTED otherwise. */
export function isServed(rpc: RpcName, door: Door): boolean {
  return rules[rpc].doors.includes(door);
}

/** Undefined when the principal may make the call; which sessions it reaches is asked apart. */
export function authorize(principal: Principal, rpc: RpcName, door: Door): Refusal | undefined {
  const { doors, may } = rules[rpc];
  const scopes = may[principal.kind];
  const mayCall = doors.includes(door) && scopes?.some((scope) => hasScope(principal, scope));
  if (mayCall === true) return undefined;
  const [scope] = scopes ?? may.person ?? may.service ?? ofHosts;
  return { reason: "SCOPE_MISSING", scope };
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
 * Whether an acquire goes ahead as it is, needs its passcode verified first, or is refused. A
 * renewed lease was granted to a caller with standing, so it needs no passcode: an outage of Beach
 * Road must not end leases.
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
