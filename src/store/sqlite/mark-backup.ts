import { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";

import { incarnationName, metaUpsert } from "./sqlite-schema.ts";

/** What this script, started as a thread, is given. */
export interface BackupMark {
  /** A copy of a store's file, with a copy of its write-ahead log beside it. */
  readonly path: string;
  readonly incarnation: number;
}

/**
 * Moves the log into the file, and marks it as a backup: a store opened from it lacks what the
 * running store does next. An incomplete copy is an error.
 */
function markBackup({ path, incarnation }: BackupMark): void {
  const db = new DatabaseSync(path);
  try {
    db.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL");
    db.prepare(metaUpsert).run(incarnationName, incarnation);
    const [state] = Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {});
    if (state !== "ok") throw new Error(`the copy is damaged: ${state}`);
  } finally {
    db.close();
  }
}

markBackup(workerData as BackupMark);
