import type { DatabaseSync } from "node:sqlite";

import { storeCannotOpen } from "./store-cannot-open.ts";

/** Marks our files, as https://sqlite.org/pragma.html#pragma_application_id asks: "BcLS". */
const applicationId = 0x42_63_4c_53;

/** Rises with every change of the tables; a step from each older format goes into `claim`. */
const format = 1;

// Moments are REAL: whole ones take no more room, and scaled horizons may be fractions.
const tables = `
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
  INSERT INTO meta (name, value) VALUES ('format', ${format});
  PRAGMA application_id = ${applicationId};
`;

/**
 * Makes an empty file ours, and shows that one of ours can be written. Throws
 * StoreCannotOpen on anything else, before it has changed it. Runs in a transaction that
 * the caller has begun.
 */
export function claim(db: DatabaseSync, path: string): void {
  const owner = numberOf(db, "PRAGMA application_id");
  if (owner === applicationId) {
    const found = numberOf(db, "SELECT value FROM meta WHERE name = 'format'");
    if (found !== format) throw storeCannotOpen(path, otherFormat(found));
    db.exec("UPDATE meta SET value = value WHERE name = 'format'");
  } else if (owner === 0 && numberOf(db, "SELECT count(*) FROM sqlite_schema") === 0) {
    db.exec(tables);
  } else {
    throw storeCannotOpen(path, "it belongs to another program; choose another file");
  }
}

function otherFormat(found: number | undefined): string {
  return `it has format ${found}, and this version reads ${format}; run the version that wrote it`;
}

function numberOf(db: DatabaseSync, sql: string): number | undefined {
  const value = Object.values(db.prepare(sql).get() ?? {})[0];
  return typeof value === "number" ? value : undefined;
}
