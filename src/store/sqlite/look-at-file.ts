import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";

import type { Clock } from "../../service/time/clock.ts";
import { realPathOf } from "./file-identity.ts";
import { cannotOpen } from "./sqlite-fault.ts";
import { countSessions } from "./sqlite-recovery.ts";
import { openSqliteThread } from "./sqlite-thread.ts";

/** What is at the path of a store. */
export interface FileSeen {
  /** Absolute and without symbolic links. */
  readonly path: string;
  /** Undefined where there is no file yet. */
  readonly sessions: number | undefined;
}

/**
 * Reads a store's file as a start would, and leaves it and its folder as they are.
 *
 * Rejects with StoreCannotOpen where a start would; also while another process holds the file, for
 * which a start waits.
 */
export async function lookAtFile(path: string, clock: Clock): Promise<FileSeen> {
  try {
    const real = realPathOf(path);
    if (statSync(real, { throwIfNoEntry: false }) === undefined) {
      mayBeMade(real);
      return { path: real, sessions: undefined };
    }
    const file = await openSqliteThread(real, {
      clock,
      createFolder: false,
      fileBytesMax: undefined,
      lockWaitMs: 0,
      onLockWait: undefined,
    });
    try {
      return { path: real, sessions: await countSessions(file) };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw cannotOpen(path, error);
  }
}

/** Throws Node's error where the nearest folder that there is cannot be written. */
function mayBeMade(path: string): void {
  let folder = dirname(path);
  while (statSync(folder, { throwIfNoEntry: false }) === undefined) folder = dirname(folder);
  accessSync(`${folder}/`, constants.W_OK | constants.X_OK);
}
