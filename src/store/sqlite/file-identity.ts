import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { storeCannotOpen } from "../store-cannot-open.ts";

/** As many as Linux follows. */
const linksMax = 40;

/**
 * The canonical path of a file, whether it exists or not: absolute, and without symbolic links. A
 * store's log, key and backups lie beside this path. Throws Node's error where links lead in a
 * circle or a folder cannot be looked into.
 */
export function realPathOf(path: string): string {
  let at = resolve(path);
  for (let links = 0; links <= linksMax; links += 1) {
    const found = lstatSync(at, { throwIfNoEntry: false });
    if (found === undefined) return join(realFolder(dirname(at)), basename(at));
    if (!found.isSymbolicLink()) return realpathSync(at);
    at = resolve(dirname(at), readlinkSync(at));
  }
  throw storeCannotOpen(path, "its symbolic links lead in a circle; name the file itself");
}

/** Of a folder that is not there, as far as it is. */
function realFolder(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined || dirname(path) === path) return realpathSync(path);
  return join(realFolder(dirname(path)), basename(path));
}

/**
 * Throws StoreCannotOpen for a file with several hard links: SQLite keeps its log beside the name
 * that was opened, so opening the file by another name would miss the log.
 */
export function mustHaveOneName(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || found.nlink === 1) return;
  const why = `it has ${found.nlink} names (hard links), and its log lies beside one of them`;
  throw storeCannotOpen(path, `${why}; copy it to a file of its own, or use a symbolic link`);
}

/** Which file this is, by whatever name it was opened. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}
