import { StoreCannotOpen, storeCannotOpen } from "../store-cannot-open.ts";

/** Primary result codes of SQLite; see https://sqlite.org/rescode.html. */
const codes = {
  busy: 5,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notDatabase: 26,
};

/** The primary result code of an error of node:sqlite, undefined for any other error. */
function resultCode(error: unknown): number | undefined {
  const isFault = error instanceof Error && "errcode" in error && typeof error.errcode === "number";
  return isFault ? (error.errcode as number) & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  return resultCode(error) === codes.busy;
}

/** What kept the file from being opened, with its remedy. Errors that say so already keep theirs. */
export function cannotOpen(path: string, error: unknown): StoreCannotOpen {
  if (error instanceof StoreCannotOpen) return error;
  // From another thread, where the class does not reach.
  if (error instanceof Error && error.name === "StoreCannotOpen") {
    return new StoreCannotOpen(error.message, { cause: error });
  }
  return storeCannotOpen(path, remedy(error), error);
}

export const damaged =
  "it is damaged, or not a SQLite database; restore a backup, or move it away to start empty";
const unwritable = "it cannot be written; make the file and its folder writable for this user";

function remedy(error: unknown): string {
  if (hasCode(error, ["EACCES", "EPERM", "EROFS"])) return unwritable;
  if (hasCode(error, ["EEXIST", "ENOTDIR"])) {
    return "a file is in the place of its folder; choose another path";
  }
  switch (resultCode(error)) {
    case codes.busy:
      return "another process holds it; stop that process, or choose another file";
    case codes.readonly:
      return unwritable;
    case codes.corrupt:
    case codes.notDatabase:
      return damaged;
    case codes.ioError:
      return "its disk cannot be read or written; check the disk, its free space and its quotas";
    case codes.full:
      return "the disk is full; free some space";
    case codes.cantOpen:
      return "its folder is missing or cannot be written; make it, writable for this user";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/** One of Node's codes for what the file system refused. */
function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
