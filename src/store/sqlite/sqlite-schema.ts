import type { DatabaseSync } from "node:sqlite";
import { storeCannotOpen } from "../store-cannot-open.ts";
import { damaged } from "./sqlite-fault.ts";

/** Marks our files, as https://sqlite.org/pragma.html#pragma_application_id asks: "BcLS". */
const applicationId = 0x42_63_4c_53;

/**
 * The statements that lead from each format to the next, the first from an empty file: what has
 * been released is never changed, a change of the tables is another entry. A file's format is the
 * number of those that it has been through.
 */
export const steps: readonly string[] = [
  // Moments are REAL: whole ones take no more room, and scaled horizons may be fractions.
  `
    CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
    CREATE TABLE session (
      id TEXT PRIMARY KEY,
      beach_id TEXT NOT NULL,
      revision INTEGER NOT NULL,
      deadline REAL,
      record TEXT NOT NULL
    ) STRICT;
    CREATE TABLE gap (
      number INTEGER PRIMARY KEY,
      begins REAL NOT NULL,
      ends REAL NOT NULL,
      kind TEXT NOT NULL
    ) STRICT;
  `,
];

/** Sets a value of `meta`. */
export const metaUpsert = "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)";
/** How many backups lie between a file and the first of its line; nothing: none. */
/** The name that every file has it under. */
export const incarnationName = "history";

/**
 * Makes an empty file ours, and one of an older format one of today's; shows that it is whole and
 * can be written. Throws StoreCannotOpen on anything else. Runs in a transaction that the caller
 * has begun, and may still roll back.
 *
 * @param to the steps to today's format
 */
export function claim(db: DatabaseSync, path: string, to: readonly string[] = steps): void {
  const found = formatOf(db, path);
  if (found > to.length) throw storeCannotOpen(path, newerFormat(found, to.length));
  const damage = Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {})[0];
  if (damage !== "ok") throw storeCannotOpen(path, damaged);
  for (const step of to.slice(found)) db.exec(step);
  db.prepare(metaUpsert).run("format", to.length);
  db.exec(`PRAGMA application_id = ${applicationId}`);
}

/** 0 for an empty file. */
function formatOf(db: DatabaseSync, path: string): number {
  const owner = numberOf(db, "PRAGMA application_id");
  if (owner === applicationId) {
    const format = numberOf(db, "SELECT value FROM meta WHERE name = 'format'");
    if (format === undefined)
      throw storeCannotOpen(path, "its format is missing; restore the file");
    return format;
  }
  const isEmpty = owner === 0 && numberOf(db, "SELECT count(*) FROM sqlite_schema") === 0;
  if (!isEmpty) throw storeCannotOpen(path, "it belongs to another program; choose another file");
  return 0;
}

function newerFormat(found: number, known: number): string {
  return `it has format ${found}, and this version reads up to ${known}; run the version that wrote it`;
}

function numberOf(db: DatabaseSync, sql: string): number | undefined {
  const value = Object.values(db.prepare(sql).get() ?? {})[0];
  return typeof value === "number" ? value : undefined;
}
