import { type FileHandle, open, stat } from "node:fs/promises";

import { ChurnMap } from "../../collections/churn-map.ts";
import type { SessionId } from "../../core/ids.ts";
import type { Gap, SessionRecord } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { Tally } from "../../service/figures/fleet-counts.ts";
import {
  type ChangeNotice,
  type Peeked,
  type SessionChange,
  type SessionPage,
  type SoleStore,
  StoreUnavailable,
} from "../../service/session-store.ts";
import type { Clock } from "../../service/time/clock.ts";
import { ChangeListeners } from "../change-listeners.ts";
import { GapLog } from "../gap-log.ts";
import type { SessionIndex } from "../session-index.ts";
import { type FileIdentity, isSameFile, realPathOf } from "./file-identity.ts";
import { BackupRefused, backupPath, copyStore } from "./sqlite-backup.ts";
import { cannotOpen } from "./sqlite-fault.ts";
import type { SessionRow } from "./sqlite-file.ts";
import { recoverSessions } from "./sqlite-recovery.ts";
import { openSqliteThread, type SqliteThread } from "./sqlite-thread.ts";
import { SqliteWriter, type WrittenTransaction } from "./sqlite-writer.ts";

export interface SqliteStoreOptions {
  /** Not ahead of the clock whose moments are given to the store. */
  readonly clock: Clock;
  /** How long to wait for another process that holds the file, as one that drains; 15 s. */
  readonly lockWaitMs?: DurationMs;
  /** Called once when another process has held the file for a second, with the remaining wait. */
  readonly onLockWait?: (remainingMs: DurationMs) => void;
  /** Makes the folder of the file if it is missing; false. */
  readonly createFolder?: boolean;
  /** Writes that would make the file larger than this fail as on a full disk; no limit. */
  readonly fileBytesMax?: number;
  /** Called after each transaction, except for gaps. */
  readonly observe?: (written: WrittenTransaction) => void;
}

/** A store in a file that can be copied while it is in use. */
export interface SqliteSessionStore extends SoleStore {
  /** Absolute and without symbolic links, by whatever name it was opened. */
  readonly path: string;

  /**
   * Copies all that is durable to a file of that name beside the store's, and resolves with its
   * path. It is marked, so that a store opened from it reuses no number that this store gives out.
   * Rejects with BackupRefused when the name is no plain one or taken, or another backup is under
   * way; with StoreUnavailable when the store closes meanwhile.
   */
  backUp(name: string): Promise<string>;
}

const lockWaitMsDefault: DurationMs = 15_000;

/**
 * Opens the SQLite file at `path`, made if it is missing, and reads what it holds. No other process
 * can open it until the store is disposed of or this process ends. All records are in memory;
 * durable commits of one turn of the event loop, or that come while others are being written, share
 * one transaction.
 *
 * Rejects with StoreCannotOpen, whose message says what would help.
 */
export async function openSqliteStore(
  path: string,
  options: SqliteStoreOptions,
): Promise<SqliteSessionStore> {
  const { clock, createFolder = false, lockWaitMs = lockWaitMsDefault } = options;
  const { onLockWait, fileBytesMax } = options;
  const realPath = pathToOpen(path);
  const file = await openSqliteThread(realPath, {
    clock,
    createFolder,
    lockWaitMs,
    onLockWait,
    fileBytesMax,
  });
  try {
    const index = await recoverSessions(file);
    await file.keep();
    const identity = await stat(realPath);
    const store = new SqliteStore(file, index, { ...options, identity });
    store.start();
    return store;
  } catch (error) {
    await file.close().catch(() => undefined);
    throw cannotOpen(path, error);
  }
}

function pathToOpen(path: string): string {
  try {
    return realPathOf(path);
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

class SqliteStore implements SqliteSessionStore {
  readonly kind = "sole";
  readonly path: string;
  readonly #identity: FileIdentity;
  readonly #file: SqliteThread;
  /** What is on disk, and what was declared behind. */
  readonly #index: SessionIndex;
  readonly #writer: SqliteWriter;
  readonly #listeners = new ChangeListeners();
  readonly #gaps: GapLog;
  /** Durable commits that are on their way to disk, at most one a session. */
  readonly #pending = new ChurnMap<SessionId, Promise<void>>();
  /** The gap that was asked for last, and those before it. */
  #recording: Promise<unknown> = Promise.resolve();
  readonly #abort = new AbortController();
  #backup: Promise<void> | undefined;
  /** What backups read: closed when the file is, since the lock on it would go with it. */
  #source: FileHandle | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    file: SqliteThread,
    index: SessionIndex,
    options: SqliteStoreOptions & { readonly identity: FileIdentity },
  ) {
    this.#file = file;
    this.path = file.path;
    this.#identity = options.identity;
    this.#index = index;
    this.#writer = new SqliteWriter({ file, clock: options.clock, observe: options.observe });
    this.#gaps = new GapLog(file.head.gaps);
  }

  start(): void {
    this.#writer.start();
  }

  get tally(): Tally {
    return this.#index.tally;
  }

  get isLate(): boolean {
    return this.#writer.isLate;
  }

  async load(id: SessionId): Promise<SessionRecord | undefined> {
    this.#mustBeOpen();
    for (let pending = this.#pending.get(id); pending !== undefined; ) {
      await pending.catch(() => undefined);
      this.#mustBeOpen();
      pending = this.#pending.get(id);
    }
    return this.#index.get(id);
  }

  async commit(change: SessionChange): Promise<"committed" | "conflict"> {
    this.#mustBeOpen();
    if (this.commitNow(change)) return "committed";
    return this.#fits(change) ? await this.#commitDurably(change) : "conflict";
  }

  peek(id: SessionId): Peeked {
    const isPending = this.#closing !== undefined || this.#pending.has(id);
    return isPending ? "pending" : this.#index.peek(id);
  }

  commitNow(change: SessionChange): boolean {
    const { id, durability } = change;
    if (durability === "durable" || !this.#writer.mayPromise) return false;
    if (this.#closing !== undefined || this.#pending.has(id)) return false;
    const notice = this.#index.apply(change);
    if (notice === undefined) return false;
    this.#writer.writeBehind({ id, encoded: () => this.#rowOf(change) });
    this.#listeners.notify(notice);
    return true;
  }

  async due(now: EpochMs, limit: number): Promise<readonly SessionId[]> {
    this.#mustBeOpen();
    return this.#index.due(now, limit);
  }

  async nextDeadline(): Promise<EpochMs | undefined> {
    this.#mustBeOpen();
    return this.#index.nextDeadline();
  }

  async postpone(id: SessionId, until: EpochMs): Promise<void> {
    this.#mustBeOpen();
    this.#index.postpone(id, until);
  }

  async list(page: SessionPage): Promise<readonly SessionRecord[]> {
    this.#mustBeOpen();
    return this.#index.list(page);
  }

  changes(listener: (notice: ChangeNotice) => void): Disposable {
    return this.#listeners.add(listener);
  }

  async recordGap(gap: Omit<Gap, "number">): Promise<Gap> {
    this.#mustBeOpen();
    // One after another: the next number is taken once the one before is on disk.
    const recorded = this.#recording.then(() => this.#recordNext(gap));
    this.#recording = recorded.catch(() => undefined);
    return await recorded;
  }

  async gaps(): Promise<readonly Gap[]> {
    this.#mustBeOpen();
    return this.#gaps.all;
  }

  /** Never rises while the store is open: what it holds can only be lost by another file. */
  async incarnation(): Promise<number> {
    this.#mustBeOpen();
    return this.#file.head.incarnation;
  }

  async recordAlive(at: EpochMs): Promise<void> {
    this.#mustBeOpen();
    await this.#writer.writeAll(at);
  }

  aliveBy(aliveUntil: () => EpochMs): void {
    this.#writer.aliveBy(aliveUntil);
  }

  async lastAlive(): Promise<EpochMs | undefined> {
    this.#mustBeOpen();
    return this.#file.head.lastAlive;
  }

  async backUp(name: string): Promise<string> {
    this.#mustBeOpen();
    const to = backupPath(this.#file.path, name);
    if (this.#backup !== undefined) {
      throw new BackupRefused("another backup is under way; wait until it is done");
    }
    const { signal } = this.#abort;
    this.#backup = this.#writer.keepingLog(async () => {
      const { path: from, head } = this.#file;
      this.#source ??= await open(from).catch(refuseMissing);
      if (!isSameFile(await stat(from).catch(refuseMissing), this.#identity)) refuseMissing();
      await copyStore({
        from,
        source: this.#source,
        to,
        incarnation: head.incarnation + 1,
        signal,
      });
    });
    try {
      await this.#backup;
      return to;
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new StoreUnavailable("The store was closed before the backup was done", {
        cause: error,
      });
    } finally {
      this.#backup = undefined;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #recordNext(gap: Omit<Gap, "number">): Promise<Gap> {
    const numbered = this.#gaps.numbered(gap);
    await this.#writer.writeGap(numbered);
    return this.#gaps.append(numbered);
  }

  async #commitDurably(change: SessionChange): Promise<"committed"> {
    // A record that cannot be encoded fails its own commit here, and no other.
    const row = this.#rowOf(change);
    const written = this.#writer.write(row);
    this.#pending.set(change.id, written);
    try {
      await written;
    } finally {
      this.#pending.delete(change.id);
    }
    const notice = this.#index.apply(change, row.kept?.record);
    // Nothing else is shown of the session while its commit is on its way.
    if (notice === undefined)
      throw new Error(`session '${change.id}' changed while it was written`);
    this.#listeners.notify(notice);
    return "committed";
  }

  /** The record is still the one that the change was decided on, and no other change is under way. */
  #fits({ id, previous }: SessionChange): boolean {
    return !this.#pending.has(id) && this.#index.get(id)?.revision === previous?.revision;
  }

  #rowOf({ id, next, deadline }: SessionChange): SessionRow {
    if (next === undefined) return { id, kept: undefined };
    const { beachId, revision } = next;
    return { id, kept: { beachId, revision, deadline, record: this.#index.textOf(next) } };
  }

  async #close(): Promise<void> {
    // What moves to the file when it closes must not move while it is being copied.
    this.#abort.abort();
    await this.#backup?.catch(() => undefined);
    await this.#recording;
    try {
      await this.#writer.close();
    } finally {
      await this.#file.close();
      await this.#source?.close();
    }
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new StoreUnavailable("The store is closed");
  }
}

/** What lies at the path is not what this store writes: a copy of it would be of no use. */
function refuseMissing(cause?: unknown): never {
  const why = "the store's file was moved away or replaced while in use; start the service anew";
  throw new BackupRefused(why, { cause });
}
