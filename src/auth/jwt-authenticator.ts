import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";

import type { EpochMs } from "../core/time.ts";
import type { Authentication, Authenticator, Credentials, Door } from "./authenticator.ts";
import type { Principal } from "./principal.ts";
import { isPublishToken, verifyPublishToken } from "./publish-token.ts";
import { KeysUnavailable, type VerificationKeys } from "./verification-keys.ts";

export interface JwtAuthenticatorOptions {
  readonly keys: VerificationKeys;
  readonly issuer: string;
  readonly audience: string;
  /** Verifies the publish tokens of hosts; without one they are not accepted. */
  readonly publishSecret: Uint8Array | undefined;
  /** The wall clock: bearers are judged by it, and by nothing else. */
  readonly wall: () => EpochMs;
}

/** How far the clocks of issuer and verifier may differ. */
export const clockToleranceSeconds = 30;
const algorithms = ["ES256", "RS256"];
/** A bearer is a header, which has to fit beside the others. */
const bearerLengthMax = 8_192;
/** Bearers that were verified and are sent again with each call. */
const verifiedMax = 10_000;
/** A bearer with this scope is a part of Beach that acts for others; the internal door alone takes it. */
export const serviceScope = "pb:service";

interface Verified {
  readonly principal: Principal;
  readonly edition: number;
}

/**
 * Authenticates the caller by its bearer: a JWT of Beach Gate (RFC 7519, ES256 or RS256 through a
 * key set), or the publish token of a host (HS256). At the internal door a client certificate that
 * was verified stands for a service.
 */
export function jwtAuthenticator(options: JwtAuthenticatorOptions): Authenticator {
  const verified = new LRUCache<string, Verified>({ max: verifiedMax });
  return {
    async authenticate(call, door) {
      const bearer = bearerOf(call);
      if (bearer === undefined) {
        return isByCertificate(call, door) ? byCertificate : refuse("missing");
      }
      const known = verified.get(bearer);
      if (
        known !== undefined &&
        known.edition === options.keys.edition &&
        isCurrent(known.principal, options.wall())
      ) {
        return admit(known.principal, door);
      }
      const { edition } = options.keys;
      const outcome = await verify(bearer, options);
      if (outcome.kind === "refused") return outcome;
      verified.set(bearer, { principal: outcome.principal, edition });
      return admit(outcome.principal, door);
    },

    isCurrent: (principal) => isCurrent(principal, options.wall()),
  };
}

/**
 * A header that cannot be read is not a missing one: a service may pass on what a caller of its own
 * has sent, who would become that service.
 */
function isByCertificate({ requestHeader, isPeerVerified }: Credentials, door: Door): boolean {
  return door === "internal" && isPeerVerified === true && !requestHeader.has("authorization");
}

const byCertificate: Authentication = {
  kind: "authenticated",
  principal: {
    kind: "service",
    authenticatedBy: "certificate",
    subject: "certificate",
    scopes: ["*"],
    reach: { kind: "every" },
    account: undefined,
    expiresAt: undefined,
  },
};

/** A leaked bearer that acts everywhere is useless at the public door. */
function admit(principal: Principal, door: Door): Authentication {
  return principal.kind === "service" && door === "public"
    ? refuse("invalid")
    : { kind: "authenticated", principal };
}

function isCurrent({ expiresAt }: Principal, wall: EpochMs): boolean {
  return expiresAt === undefined || wall < expiresAt + clockToleranceSeconds * 1000;
}

async function verify(bearer: string, options: JwtAuthenticatorOptions): Promise<Authentication> {
  const judged: JWTVerifyOptions = {
    clockTolerance: clockToleranceSeconds,
    currentDate: new Date(options.wall()),
  };
  try {
    const principal = isPublishToken(bearer)
      ? await verifyPublishToken(bearer, options.publishSecret, judged)
      : principalOf(await verifyBearer(bearer, options, judged));
    return { kind: "authenticated", principal };
  } catch (error) {
    if (error instanceof KeysUnavailable) {
      return { kind: "refused", refusal: { reason: "KEYS_UNAVAILABLE", retryAfterMs: 1000 } };
    }
    if (error instanceof errors.JWTExpired) return refuse("expired");
    if (error instanceof errors.JOSEError || error instanceof TypeError) return refuse("invalid");
    throw error;
  }
}

async function verifyBearer(
  bearer: string,
  { keys, issuer, audience }: JwtAuthenticatorOptions,
  judged: JWTVerifyOptions,
): Promise<JWTPayload> {
  const { payload } = await jwtVerify(bearer, keys.find, {
    ...judged,
    algorithms,
    issuer,
    audience,
    requiredClaims: ["exp", "sub"],
  });
  return payload;
}

function principalOf(claims: JWTPayload): Principal {
  const scopes = scopesOf(claims);
  const isService = scopes.includes(serviceScope);
  const beachId = textOf(claims.private_beach_id);
  return {
    kind: isService ? "service" : "person",
    authenticatedBy: "jwt",
    subject: String(claims.sub),
    scopes,
    reach: reachOf(isService, beachId),
    account: textOf(claims.account_id),
    expiresAt: Number(claims.exp) * 1000,
  };
}

function reachOf(isService: boolean, beachId: string | undefined): Principal["reach"] {
  if (beachId !== undefined) return { kind: "beach", beachId };
  return isService ? { kind: "every" } : { kind: "nothing" };
}

/** `scope` is one string with spaces (RFC 8693 §4.2); some issuers write a list `scp` instead. */
function scopesOf({ scope, scp }: JWTPayload): readonly string[] {
  const texts = [scope, ...(Array.isArray(scp) ? scp : [scp])];
  return texts.flatMap((text) => (typeof text === "string" ? text.split(" ") : [])).filter(Boolean);
}

function textOf(claim: unknown): string | undefined {
  return typeof claim === "string" && claim !== "" ? claim : undefined;
}

function bearerOf({ requestHeader }: Credentials): string | undefined {
  const header = requestHeader.get("authorization") ?? "";
  const bearer = /^Bearer +(?<bearer>\S+) *$/i.exec(header)?.groups?.bearer;
  return bearer === undefined || bearer.length > bearerLengthMax ? undefined : bearer;
}

function refuse(why: "missing" | "expired" | "invalid"): Authentication {
  return { kind: "refused", refusal: { reason: "UNAUTHENTICATED", why } };
}
