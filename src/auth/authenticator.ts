import type { Refusal } from "../core/refusal.ts";
import type { Principal } from "./principal.ts";

/** The two places at which calls arrive. */
export type Door = "internal" | "public";

/** What a call says of its caller. A door may build the headers only when they are read. */
export interface Credentials {
  readonly requestHeader: Headers;
  /** The caller's certificate was verified by the authority that the internal door trusts. */
  readonly isPeerVerified?: boolean;
}

/** Authenticates the caller by the headers of a call. */
export interface Authenticator {
  /**
   * Never rejects for bad credentials: those are refused with UNAUTHENTICATED, or with
   * KEYS_UNAVAILABLE while keys are missing.
   */
  authenticate(call: Credentials, door: Door): Promise<Authentication>;
  /** Whether the bearer of a stream still holds: for each of its later messages. */
  isCurrent(principal: Principal): boolean;
}

export type Authentication =
  | { readonly kind: "authenticated"; readonly principal: Principal }
  | { readonly kind: "refused"; readonly refusal: Refusal };
