import { Worker } from "node:worker_threads";

import type { Gap } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import { StoreUnavailable } from "../../service/session-store.ts";
import type { Clock } from "../../service/time/clock.ts";
import { nextTurn } from "../../service/time/next-turn.ts";
import { cannotOpen, isBusy } from "./sqlite-fault.ts";
import type { Batch, OpenOptions, RecoveredRow } from "./sqlite-file.ts";
import type { FileHead, SqliteHolder } from "./sqlite-holder.ts";
import { ThreadCalls } from "./thread-calls.ts";

export interface WaitOptions {
  readonly clock: Clock;
  /** How long to wait while another process holds the file. */
  readonly lockWaitMs: DurationMs;
  /** Called once when another process has held the file for a second, with the remaining wait. */
  readonly onLockWait: ((remainingMs: DurationMs) => void) | undefined;
}

/** To hand so many rows over takes half a millisecond. */
const rowsPerTurn = 500;
const lockRetryMs: DurationMs = 50;
/** Most waits are short: the other process is about to end. */
const lockWaitReportedAfterMs: DurationMs = 1_000;

/**
 * Opens and holds the file at `path` so that no other process can, or rejects with StoreCannotOpen.
 * Nothing is written until {@link SqliteThread.keep}: one that turns out to be unreadable stays as
 * it is.
 */
export async function openSqliteThread(
  path: string,
  options: OpenOptions & WaitOptions,
): Promise<SqliteThread> {
  const script = new URL("./sqlite-thread-main.ts", import.meta.url);
  const calls = new ThreadCalls<SqliteHolder>(new Worker(script, { name: "sqlite" }));
  try {
    return new SqliteThread(path, calls, await openWhenFree(path, calls, options));
  } catch (error) {
    await calls.end();
    throw cannotOpen(path, error);
  }
}

async function openWhenFree(
  path: string,
  calls: ThreadCalls<SqliteHolder>,
  { createFolder, fileBytesMax, clock, lockWaitMs, onLockWait }: OpenOptions & WaitOptions,
): Promise<FileHead> {
  const startedAt = clock.now();
  let hasReported = false;
  for (;;) {
    try {
      return await calls.call("open", path, { createFolder, fileBytesMax });
    } catch (error) {
      const waitedMs = clock.now() - startedAt;
      if (!isBusy(error) || waitedMs >= lockWaitMs) throw error;
      if (waitedMs >= lockWaitReportedAfterMs && !hasReported) {
        hasReported = true;
        onLockWait?.(lockWaitMs - waitedMs);
      }
    }
    await clock.sleep(lockRetryMs, new AbortController().signal);
  }
}

/**
 * A file that is held and written by its own thread, so that neither a large transaction nor a slow
 * disk blocks the event loop. Requests are carried out in order.
 */
export class SqliteThread {
  readonly path: string;
  readonly head: FileHead;
  readonly #calls: ThreadCalls<SqliteHolder>;
  #isWriting = false;

  constructor(path: string, calls: ThreadCalls<SqliteHolder>, head: FileHead) {
    this.path = path;
    this.#calls = calls;
    this.head = head;
  }

  /** Every session's row, a page at a time; the next is read while one is looked at. */
  pages(): AsyncGenerator<readonly RecoveredRow[], void, undefined> {
    return readAhead(() => this.#calls.call("nextPage"));
  }

  /** What the file holds could be read: from now on it is written. */
  async keep(): Promise<void> {
    await this.#calls.call("keep");
  }

  /**
   * Resolves when all of the batch is on disk. Rejects with StoreUnavailable when, as far as is
   * known, none of it is. Must not be called again before it settles.
   */
  async write({ rows, aliveAt }: Batch): Promise<void> {
    if (this.#isWriting) throw new Error("one batch is written at a time");
    this.#isWriting = true;
    try {
      const faults: unknown[] = [];
      let from = 0;
      for (; from + rowsPerTurn < rows.length; from += rowsPerTurn) {
        const staged = this.#calls.call("stage", rows.slice(from, from + rowsPerTurn));
        staged.catch((error) => faults.push(error));
        await nextTurn();
        // What could not be handed over must not be missing from what is written.
        if (faults.length > 0) throw faults[0];
      }
      await this.#calls.call("write", { rows: rows.slice(from), aliveAt });
    } catch (error) {
      this.#cannotWrite(error);
    } finally {
      this.#isWriting = false;
    }
  }

  /** The same of a gap, with the moment alive if there is one; a batch may be on its way. */
  async writeGap(gap: Gap, aliveAt: EpochMs | undefined): Promise<void> {
    await this.#calls.call("writeGap", gap, aliveAt).catch((error) => this.#cannotWrite(error));
  }

  /**
   * From now on the file itself does not change, and its write-ahead log grows from nothing. Rejects
   * with StoreUnavailable when the log cannot be emptied first.
   */
  async keepLog(): Promise<void> {
    await this.#calls.call("keepLog").catch((error) => this.#cannotWrite(error));
  }

  /** The log may be moved into the file again. */
  async releaseLog(): Promise<void> {
    await this.#calls.call("releaseLog").catch((error) => this.#cannotWrite(error));
  }

  /** Once everything before is done. */
  async close(): Promise<void> {
    try {
      await this.#calls.call("close").catch((error) => this.#cannotWrite(error));
    } finally {
      await this.#calls.end();
    }
  }

  #cannotWrite(error: unknown): never {
    const why = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailable(`Cannot write the store '${this.path}': ${why}`, { cause: error });
  }
}

/** What `read` resolves with until that is undefined; it is called again before a page is yielded. */
async function* readAhead<Page>(
  read: () => Promise<Page | undefined>,
): AsyncGenerator<Page, void, undefined> {
  let next = read();
  for (;;) {
    const page = await next;
    if (page === undefined) return;
    next = read();
    // The caller may stop at this page, so a failure to read the next one is handled here.
    next.catch(() => undefined);
    yield page;
  }
}
