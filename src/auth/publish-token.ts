import { decodeProtectedHeader, errors, type JWTVerifyOptions, jwtVerify, SignJWT } from "jose";

import type { SessionId } from "../core/ids.ts";
import type { EpochMs } from "../core/time.ts";
import type { Principal } from "./principal.ts";

const algorithm = "HS256";
const lifeSecondsDefault = 30 * 60;
const scopes: readonly string[] = ["pb:sessions.write", "pb:harness.publish"];

/** A token with which the host of one session reports and watches. */
export interface PublishToken {
  readonly token: string;
  /** Wall time. */
  readonly expiresAtMs: EpochMs;
  readonly scopes: readonly string[];
}

export interface PublishTokenTimes {
  readonly wall: EpochMs;
  /** Default 30 minutes. */
  readonly lifeSeconds?: number;
}

/** Makes the publish token of a session's host: HS256 with the claims sid, scp and exp. */
export async function mintPublishToken(
  secret: Uint8Array,
  sessionId: SessionId,
  { wall, lifeSeconds = lifeSecondsDefault }: PublishTokenTimes,
): Promise<PublishToken> {
  const issuedAt = Math.floor(wall / 1000);
  const expiresAt = issuedAt + lifeSeconds;
  const token = await new SignJWT({ sid: sessionId, scp: [...scopes] })
    .setProtectedHeader({ alg: algorithm, typ: "JWT" })
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(secret);
  return { token, expiresAtMs: expiresAt * 1000, scopes };
}

/** Makes publish tokens for hosts whose sessions are handed out. */
export interface PublishTokens {
  mint(sessionId: SessionId): Promise<PublishToken>;
}

export function publishTokensOf(secret: string, wall: () => EpochMs): PublishTokens {
  const key = new TextEncoder().encode(secret);
  return { mint: (sessionId) => mintPublishToken(key, sessionId, { wall: wall() }) };
}

/** Whether a bearer says that it is a publish token; nothing is verified by that. */
export function isPublishToken(bearer: string): boolean {
  try {
    return decodeProtectedHeader(bearer).alg === algorithm;
  } catch {
    return false;
  }
}

/** The host that a publish token speaks for. Throws a JOSEError for one that does not count. */
export async function verifyPublishToken(
  token: string,
  secret: Uint8Array | undefined,
  judged: JWTVerifyOptions,
): Promise<Principal> {
  if (secret === undefined) throw new errors.JWTInvalid("publish tokens are not accepted");
  const { payload } = await jwtVerify(token, secret, {
    ...judged,
    algorithms: [algorithm],
    requiredClaims: ["exp", "sid"],
  });
  const { sid, scp, exp } = payload;
  if (typeof sid !== "string" || sid === "") throw new errors.JWTInvalid("sid must name a session");
  return {
    kind: "host",
    authenticatedBy: "publish_token",
    subject: sid,
    scopes: Array.isArray(scp) ? scp.filter((scope) => typeof scope === "string") : [],
    reach: { kind: "session", sessionId: sid },
    account: undefined,
    expiresAt: Number(exp) * 1000,
  };
}
