import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { mintPublishToken } from "../../../src/auth/publish-token.ts";
import { audience, issuer, personClaims, signed, signingKey } from "../../auth/signing-keys.ts";
import { storeFolder } from "../store/store-files.ts";
import type { Env } from "./run-service.ts";

type Claims = Readonly<Record<string, unknown>>;

/** What a service is started with to take bearers, and the bearers that it takes. */
export interface JwtMode extends AsyncDisposable {
  readonly env: Env;
  /** Secrets of the settings, which nobody may read anywhere. */
  readonly secrets: readonly string[];
  /** A bearer of someone of beach-1; changes may take claims away. It lives for an hour, or so long. */
  person(changes?: Claims, lifeMs?: number): Promise<string>;
  /** A bearer of a part of Beach, for the internal door. */
  manager(changes?: Claims, lifeMs?: number): Promise<string>;
  /** The publish token of a session's host. */
  host(sessionId: string): Promise<string>;
}

const hourMs = 3_600_000;

/** @param wall when the bearers are made; they are valid for an hour */
export async function jwtMode(wall: number = Date.now()): Promise<JwtMode> {
  const folder = await storeFolder();
  const key = await signingKey("key-1");
  const path = join(folder.path, "jwks.json");
  await writeFile(path, JSON.stringify(key.keySet));
  const publishSecret = "a publish secret that nobody may read";
  const tokenKey = "a token key that nobody may read, 32 bytes and more";
  return {
    env: {
      LEASE_AUTH: "jwt",
      LEASE_AUTH_JWKS_FILE: path,
      LEASE_AUTH_ISSUER: issuer,
      LEASE_AUTH_AUDIENCE: audience,
      LEASE_PUBLISH_TOKEN_SECRET: publishSecret,
      LEASE_TOKEN_KEY: tokenKey,
    },
    secrets: [publishSecret, tokenKey],
    person: (changes, lifeMs = hourMs) => signed(key, personClaims(changes), wall + lifeMs),
    manager: (changes, lifeMs = hourMs) =>
      signed(
        key,
        personClaims({
          sub: "manager-1",
          scope: "pb:service *",
          account_id: undefined,
          private_beach_id: undefined,
          ...changes,
        }),
        wall + lifeMs,
      ),
    async host(sessionId) {
      const secret = new TextEncoder().encode(publishSecret);
      return (await mintPublishToken(secret, sessionId, { wall, lifeSeconds: 3600 })).token;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
