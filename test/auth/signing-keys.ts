import { type CryptoKey, exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";

/** A key pair that signs bearers, and how it stands in a key set. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: "ES256" | "RS256";
  readonly privateKey: CryptoKey;
  readonly keySet: JSONWebKeySet;
}

export async function signingKey(
  kid: string,
  alg: SigningKey["alg"] = "ES256",
): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
  return { kid, alg, privateKey, keySet: { keys: [jwk] } };
}

export const issuer = "beach-gate";
export const audience = "beach-manager";

/** The claims of someone of beach-1 who may read and control; changes may take claims away. */
export function personClaims(changes: Readonly<Record<string, unknown>> = {}): object {
  const claims = {
    sub: "person-1",
    iss: issuer,
    aud: audience,
    scope: "pb:sessions.read pb:control.write",
    account_id: "account-1",
    private_beach_id: "beach-1",
    ...changes,
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

/** @param expiresAtMs wall time */
export function signed(key: SigningKey, claims: object, expiresAtMs: number): Promise<string> {
  const exp = Math.floor(expiresAtMs / 1000);
  return new SignJWT({ ...claims, exp })
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .sign(key.privateKey);
}
