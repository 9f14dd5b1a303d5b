import { readFile } from "node:fs/promises";

import type { JSONWebKeySet } from "jose";

import type { LoadKeySet } from "./verification-keys.ts";

const fetchTimeoutMs = 5_000;
/** A set of a hundred keys is below 100 kB. */
const keySetBytesMax = 262_144;

/** A key set from an address, such as Beach Gate's. Redirects are not followed. */
export function keySetAt(url: string): LoadKeySet {
  return async () => {
    const response = await fetch(url, {
      redirect: "error",
      headers: { accept: "application/jwk-set+json, application/json" },
      signal: AbortSignal.timeout(fetchTimeoutMs),
    });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return toKeySet(await textOf(response), url);
  };
}

/** A key set in a file, which is read anew each time. */
export function keySetIn(path: string): LoadKeySet {
  return async () => toKeySet(await readFile(path, "utf8"), path);
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > keySetBytesMax) throw new Error(`more than ${keySetBytesMax} bytes of key set`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function toKeySet(text: string, from: string): JSONWebKeySet {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${from} is not JSON`, { cause });
  }
  if (isKeySet(value)) return value;
  throw new Error(`${from} is no JSON Web Key Set: it has no list "keys" with a key`);
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  const keys = (value as { keys?: unknown } | null)?.keys;
  return Array.isArray(keys) && keys.length > 0;
}
