import type { LeaseEnd } from "./session.ts";
import type { DurationMs } from "./time.ts";

/** One wrong field of a request: its path as the contract names it, and what would be right. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/**
 * Every expected refusal, by its stable reason word (AIP-193 ErrorInfo.reason). The words of a
 * message may change; the reason never does.
 */
export type Refusal =
  | { readonly reason: "SESSION_UNKNOWN" }
  | { readonly reason: "LEASE_NOT_LIVE"; readonly endedBy: LeaseEnd | "unknown" }
  | { readonly reason: "REVOKED"; readonly retryAfterMs: DurationMs }
  | { readonly reason: "PASSCODE_WRONG" }
  | { readonly reason: "ACCOUNT_MISSING" }
  | { readonly reason: "NOT_YOUR_BEACH" }
  | { readonly reason: "SCOPE_MISSING"; readonly scope: string }
  | { readonly reason: "UNAUTHENTICATED"; readonly why?: "missing" | "expired" | "invalid" }
  | { readonly reason: "KEYS_UNAVAILABLE"; readonly retryAfterMs: DurationMs }
  | { readonly reason: "FIELD_INVALID"; readonly violations: readonly FieldViolation[] }
  | { readonly reason: "CONTENDED"; readonly retryAfterMs: DurationMs }
  | { readonly reason: "STORE_UNAVAILABLE"; readonly retryAfterMs: DurationMs }
  /** This process cannot use what is stored of the session; another one may. */
  | { readonly reason: "SESSION_UNREADABLE"; readonly retryAfterMs: DurationMs }
  | { readonly reason: "ROAD_UNAVAILABLE"; readonly retryAfterMs: DurationMs }
  | { readonly reason: "READER_STALLED"; readonly retryAfterMs: DurationMs }
  | {
      readonly reason: "TOO_MANY";
      readonly what:
        | "leases"
        | "negotiations"
        | "replacements"
        | "sessions"
        | "beach_sessions"
        | "beach_leases"
        | "attaches"
        | "wrong_passcodes";
      readonly retryAfterMs: DurationMs;
    };

export type RefusalReason = Refusal["reason"];
