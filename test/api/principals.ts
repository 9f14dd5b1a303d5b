import type { Principal } from "../../src/auth/principal.ts";

type Changes = Partial<Principal>;

/** A part of Beach that acts everywhere. */
export function service(changes: Changes = {}): Principal {
  return {
    kind: "service",
    authenticatedBy: "jwt",
    subject: "service-1",
    scopes: ["*"],
    reach: { kind: "every" },
    account: "service-account",
    expiresAt: undefined,
    ...changes,
  };
}

/** Someone of beach-1 who may read and control. */
export function person(changes: Changes = {}): Principal {
  return {
    kind: "person",
    authenticatedBy: "jwt",
    subject: "person-1",
    scopes: ["pb:sessions.read", "pb:control.write"],
    reach: { kind: "beach", beachId: "beach-1" },
    account: "person-account",
    expiresAt: undefined,
    ...changes,
  };
}

/** The host of session s-1, with its publish token. */
export function host(changes: Changes = {}): Principal {
  return {
    kind: "host",
    authenticatedBy: "publish_token",
    subject: "s-1",
    scopes: ["pb:sessions.write", "pb:harness.publish"],
    reach: { kind: "session", sessionId: "s-1" },
    account: undefined,
    expiresAt: undefined,
    ...changes,
  };
}
