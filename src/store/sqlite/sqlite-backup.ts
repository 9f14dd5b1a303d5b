import { createReadStream, createWriteStream, type ReadStream } from "node:fs";
import { type FileHandle, link, mkdtemp, open, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Worker } from "node:worker_threads";

import type { BackupMark } from "./mark-backup.ts";

/** A backup cannot be made, or not under that name; the message says what would help. */
export class BackupRefused extends Error {
  override readonly name = "BackupRefused";
  readonly kind: "bad name" | "refused";

  constructor(message: string, options: ErrorOptions & { kind?: BackupRefused["kind"] } = {}) {
    super(message, options);
    this.kind = options.kind ?? "refused";
  }
}

/** A plain name: it can lead to no other folder, and to no hidden file. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Where a backup of that name goes: beside the store's file. Throws BackupRefused. */
export function backupPath(storePath: string, name: string): string {
  if (plainName.test(name)) return join(dirname(storePath), name);
  const why = "a backup lies beside the store; name it with letters, digits, '.', '_' and '-'";
  throw new BackupRefused(why, { kind: "bad name" });
}

export interface Backup {
  /** Path of the store's file. */
  readonly from: string;
  /**
   * The same file, opened to be read, and not to be closed while the store holds it: a process that
   * closes any descriptor of a file lets go of all its locks on it (POSIX, fcntl).
   */
  readonly source: FileHandle;
  /** Path of the copy, beside it; it must not exist. */
  readonly to: string;
  /** The incarnation of a store opened from the copy. */
  readonly incarnation: number;
  /** Stops the copying. */
  readonly signal: AbortSignal;
}

/**
 * Copies a store's file and its write-ahead log while both are in use, and makes them one file that
 * holds all that was committed when the log was read. Rejects with BackupRefused where there is a
 * file already. Never waits on the event loop, and leaves nothing behind when it fails.
 *
 * For as long as it runs nothing may move from the log to the file: then the file does not change,
 * and the log only grows. A transaction whose end was not read does not count.
 */
export async function copyStore({ from, source, to, incarnation, signal }: Backup): Promise<void> {
  const folder = await mkdtemp(join(dirname(to), ".backup-")).catch(refuseFolder);
  const copy = join(folder, basename(to));
  try {
    const file = source.createReadStream({ start: 0, autoClose: false, highWaterMark });
    await writeFile(file, copy, signal);
    // Locks are on the file alone.
    const log = createReadStream(`${from}-wal`, { highWaterMark });
    await writeFile(log, `${copy}-wal`, signal);
    await makeWhole({ path: copy, incarnation });
    signal.throwIfAborted();
    await putInPlace(copy, to);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function refuseFolder(error: unknown): never {
  const why = error instanceof Error ? error.message : String(error);
  const message = `nothing can be written beside the store: ${why}`;
  throw new BackupRefused(message, { cause: error });
}

const highWaterMark = 1024 * 1024;

async function writeFile(from: ReadStream, to: string, signal: AbortSignal): Promise<void> {
  await pipeline(from, createWriteStream(to, { flags: "wx", highWaterMark }), { signal });
}

/** In a thread of its own: the log may be long, and what is written has to reach the disk. */
async function makeWhole(mark: BackupMark): Promise<void> {
  const script = new URL("./mark-backup.ts", import.meta.url);
  const worker = new Worker(script, { workerData: mark });
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
}

/** A link is made or refused in one step, where a rename would overwrite. */
async function putInPlace(copy: string, to: string): Promise<void> {
  try {
    await link(copy, to);
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!isThere) throw error;
    const why = `'${to}' exists; name a file that does not`;
    throw new BackupRefused(why, { cause: error });
  }
  await using folder = await open(dirname(to));
  await folder.sync();
}
