import { parentPort } from "node:worker_threads";

import type { Gap } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import {
  type Batch,
  type OpenOptions,
  openSqliteFile,
  type RecoveredRow,
  type SqliteFile,
} from "./sqlite-file.ts";
import { answerCalls } from "./thread-calls.ts";

/** What a file holds beside its sessions. */
export interface FileHead {
  /** Oldest first. */
  readonly gaps: readonly Gap[];
  readonly lastAlive: EpochMs | undefined;
  readonly history: number;
}

/** Rows after which the write-ahead log is moved into the file. */
const rowsPerCheckpoint = 1_000;

let opened: SqliteFile | undefined;
let pages: Iterator<readonly RecoveredRow[], void> | undefined;
let rowsSinceCheckpoint = 0;
let isLogKept = false;

/** What this script, started as a thread, does for {@link SqliteThread}, which says more. */
const calls = {
  open(path: string, options: OpenOptions): FileHead {
    const file = openSqliteFile(path, options);
    opened = file;
    pages = file.pages();
    return { gaps: file.gaps(), lastAlive: file.lastAlive(), history: file.history() };
  },

  nextPage(): readonly RecoveredRow[] | undefined {
    return pages?.next().value ?? undefined;
  },

  keep(): void {
    held().keep();
  },

  write(batch: Batch): void {
    held().write(batch);
    rowsSinceCheckpoint += batch.rows.length + 1;
    // Whoever waits for the transaction is answered first.
    setImmediate(checkpointIfDue);
  },

  keepLog(): void {
    held().emptyLog();
    isLogKept = true;
  },

  releaseLog(): void {
    isLogKept = false;
    checkpointIfDue();
  },

  close(): void {
    opened?.close();
    opened = undefined;
  },
};

export type SqliteCalls = typeof calls;

function held(): SqliteFile {
  if (opened === undefined) throw new Error("its file is not open");
  return opened;
}

function checkpointIfDue(): void {
  if (opened === undefined || isLogKept || rowsSinceCheckpoint < rowsPerCheckpoint) return;
  rowsSinceCheckpoint = 0;
  opened.checkpoint();
}

if (parentPort !== null) answerCalls(parentPort, calls);
