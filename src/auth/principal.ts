import type { AccountId, BeachId, SessionId } from "../core/ids.ts";
import type { EpochMs } from "../core/time.ts";

/** Who calls, according to its credentials. */
export interface Principal {
  /** A part of Beach that acts for others, someone at a dashboard, or the host of a session. */
  readonly kind: "service" | "person" | "host";
  readonly authenticatedBy: "dev" | "jwt" | "publish_token" | "certificate";
  /** Who it is: the subject of the bearer, or what stands for it. */
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly reach: Reach;
  /** Undefined when the credentials name none. */
  readonly account: AccountId | undefined;
  /** When the bearer ends, in wall time; undefined for a caller without one. */
  readonly expiresAt: EpochMs | undefined;
}

/** Which sessions are a principal's own. Any other session is unknown to it. */
type Reach =
  | { readonly kind: "every" }
  | { readonly kind: "beach"; readonly beachId: BeachId }
  | { readonly kind: "session"; readonly sessionId: SessionId }
  /** The credentials name none: sessions open by their passcodes alone. */
  | { readonly kind: "nothing" };

/** What identifies a session's owner. */
export interface Owned {
  readonly id: SessionId;
  readonly beachId: BeachId;
}

/** Whether the session is the principal's own. */
export function reaches(principal: Principal, session: Owned): boolean {
  switch (principal.reach.kind) {
    case "every":
      return true;
    case "beach":
      return principal.reach.beachId === session.beachId;
    case "session":
      return principal.reach.sessionId === session.id;
    case "nothing":
      return false;
  }
}

/** The private beach that the credentials name, if they name one. */
export function beachOf(principal: Principal): BeachId | undefined {
  return principal.reach.kind === "beach" ? principal.reach.beachId : undefined;
}
