import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { link, open, readFile, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";

const keyBytes = 32;

/** The file of the token key cannot be used; the message names it and says what would help. */
export class TokenKeyUnusable extends Error {
  override readonly name = "TokenKeyUnusable";
}

function unusable(path: string, why: string, cause?: unknown): TokenKeyUnusable {
  return new TokenKeyUnusable(`Cannot use the token key file '${path}': ${why}`, { cause });
}

/** Where the token key of a store file lies. */
export function tokenKeyPath(storePath: string): string {
  return `${storePath}.key`;
}

/**
 * The same, for a file that was opened by another name: a key beside that name, where earlier
 * versions made it, is used as long as there is none beside the file itself.
 */
export function tokenKeyPathFor(storePath: string, openedAs: string): string {
  const [own, other] = [tokenKeyPath(storePath), tokenKeyPath(resolve(openedAs))];
  return !existsSync(own) && existsSync(other) ? other : own;
}

/**
 * The 32-byte key in the file at `path`, as base64url text. A missing file is made with a fresh
 * random key that only this user can read; of two processes that make it, one makes it for both.
 *
 * Rejects with {@link TokenKeyUnusable}.
 */
export async function loadOrCreateTokenKey(path: string): Promise<Uint8Array> {
  return await withRemedy(path, async () => (await load(path)) ?? (await create(path)));
}

/** Whether the file at `path` holds a key. Rejects with {@link TokenKeyUnusable}. */
export async function hasTokenKey(path: string): Promise<boolean> {
  return await withRemedy(path, async () => (await load(path)) !== undefined);
}

async function withRemedy<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TokenKeyUnusable) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const remedy = "make it readable, and its folder writable, for this user";
    throw unusable(path, `${why}; ${remedy}`, error);
  }
}

async function load(path: string): Promise<Uint8Array | undefined> {
  let text: string;
  try {
    text = (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const key = Buffer.from(text, "base64url");
  if (key.length === keyBytes && key.toString("base64url") === text) return key;
  const wanted = `it does not hold ${keyBytes} bytes in base64url`;
  throw unusable(path, `${wanted}; restore it, or remove it to have a new one made`);
}

async function create(path: string): Promise<Uint8Array> {
  const key = randomBytes(keyBytes);
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  await writeDurably(draft, `${key.toString("base64url")}\n`);
  try {
    // Fails when the file has appeared since, which a rename would replace.
    await link(draft, path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    const made = await load(path);
    if (made !== undefined) return made;
    throw unusable(
      path,
      "it is a symbolic link to nothing; remove it, or restore what it leads to",
    );
  } finally {
    await unlink(draft);
  }
  await syncFolder(dirname(path));
  return key;
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(text);
  await file.sync();
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
