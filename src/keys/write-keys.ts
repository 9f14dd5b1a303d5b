import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";

import { serviceScope } from "../auth/jwt-authenticator.ts";
import { mintPublishToken } from "../auth/publish-token.ts";

export interface KeysOptions {
  readonly folder: string;
  readonly beach: string;
  readonly session: string;
  readonly account: string;
  readonly scopes: string;
  readonly lifeSeconds: number;
}

const issuer = "local";
const audience = "controller-lease";
const algorithm = "ES256";
const viewerScopes = "pb:sessions.read";
const managerScopes = `${serviceScope} *`;

/** What the folder keeps from one call to the next; nobody else may read it. */
interface Secrets {
  readonly privateKey: JWK;
  readonly publishSecret: string;
  readonly tokenKey: string;
}

/** Writes every file; returns a line about each. */
export async function writeKeys(options: KeysOptions): Promise<readonly string[]> {
  const folder = resolve(options.folder);
  await mkdir(folder, { recursive: true });
  const secrets = await secretsIn(join(folder, "key.json"));
  const tokens = await tokensOf(options, secrets);
  const files = {
    "jwks.json": `${JSON.stringify({ keys: [publicPart(secrets.privateKey)] }, null, 2)}\n`,
    env: envOf(folder, secrets),
    ...Object.fromEntries(Object.entries(tokens).map(([kind, jwt]) => [`${kind}.jwt`, jwt])),
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text, { mode: name === "jwks.json" ? 0o644 : 0o600 });
  }
  return Object.keys(files).map((name) => join(options.folder, name));
}

async function tokensOf(
  options: KeysOptions,
  { privateKey, publishSecret }: Secrets,
): Promise<Readonly<Record<"person" | "viewer" | "host" | "manager", string>>> {
  const { beach, account, session, scopes, lifeSeconds } = options;
  const key = await importJWK(privateKey, algorithm);
  const sign = (subject: string, claims: Readonly<Record<string, string>>): Promise<string> =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: algorithm, kid: privateKey.kid ?? "" })
      .setSubject(subject)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(`${lifeSeconds}s`)
      .sign(key);
  const someone = { account_id: account, private_beach_id: beach };
  const secret = new TextEncoder().encode(publishSecret);
  const host = await mintPublishToken(secret, session, { wall: Date.now(), lifeSeconds });
  return {
    person: await sign("person", { ...someone, scope: scopes }),
    viewer: await sign("viewer", { ...someone, scope: viewerScopes }),
    host: host.token,
    manager: await sign("manager", { scope: managerScopes }),
  };
}

/** Those of an earlier call, so that its tokens stay valid; else fresh ones. */
async function secretsIn(path: string): Promise<Secrets> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text !== undefined) return readSecrets(text, path);
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const kid = randomBytes(8).toString("hex");
  const secrets: Secrets = {
    privateKey: { ...(await exportJWK(privateKey)), kid, alg: algorithm, use: "sig" },
    publishSecret: randomBytes(32).toString("base64url"),
    tokenKey: randomBytes(32).toString("base64url"),
  };
  await writeFile(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}

function readSecrets(text: string, path: string): Secrets {
  try {
    const secrets = JSON.parse(text) as Partial<Secrets>;
    const { privateKey, publishSecret, tokenKey } = secrets;
    if (privateKey && publishSecret && tokenKey) return { privateKey, publishSecret, tokenKey };
  } catch (cause) {
    throw new Error(`${path} is not JSON: move it away to create new keys`, { cause });
  }
  throw new Error(`${path} was not written by this command: move it away to create new keys`);
}

function publicPart({ d: _, ...rest }: JWK): JWK {
  return rest;
}

function envOf(folder: string, { publishSecret, tokenKey }: Secrets): string {
  const settings = {
    LEASE_AUTH: "jwt",
    LEASE_AUTH_JWKS_FILE: join(folder, "jwks.json"),
    LEASE_AUTH_ISSUER: issuer,
    LEASE_AUTH_AUDIENCE: audience,
    LEASE_PUBLISH_TOKEN_SECRET: publishSecret,
    LEASE_TOKEN_KEY: tokenKey,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}='${value}'`);
  return `${lines.join("\n")}\n`;
}
