import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";

import type { BeachId, SessionId } from "../../core/ids.ts";
import type { Gap } from "../../core/session.ts";
import type { EpochMs } from "../../core/time.ts";
import { gapsMax } from "../../service/session-store.ts";
import { storeCannotOpen } from "../store-cannot-open.ts";
import { mustHaveOneName } from "./file-identity.ts";
import { claim, incarnationName, metaUpsert } from "./sqlite-schema.ts";

/** What one session's row holds; without it, there is to be no row. */
export interface SessionRow {
  readonly id: SessionId;
  readonly kept: KeptRow | undefined;
}

interface KeptRow {
  readonly beachId: BeachId;
  readonly revision: number;
  readonly deadline: EpochMs | undefined;
  /** The encoded record. */
  readonly record: string;
}

/** What one transaction writes. Of two rows of one session the later stays. */
export interface Batch {
  readonly rows: readonly SessionRow[];
  readonly aliveAt: EpochMs | undefined;
}

/** A row as recovery reads it: place, id, deadline, record. */
export type RecoveredRow = readonly [
  place: number,
  id: SessionId,
  deadline: EpochMs | null,
  record: string,
];

export interface OpenOptions {
  /** Makes the folder of the file if it is missing. */
  readonly createFolder: boolean;
  /** Writes that would make the file larger fail as on a full disk. */
  readonly fileBytesMax: number | undefined;
}

/**
 * A transaction is on disk when it has ended. A checkpoint is a piece of work of its own: the commit
 * that happened to come last would do it, and hold everybody for twice as long. With room for the
 * pages that are changed again and again, few have to be read back or written twice.
 */
const pragmas = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 0;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA cache_size = -65536;
`;
const pageBytes = 4096;
/** So many records are decoded in a few milliseconds. */
const recoveryPage = 500;

/**
 * Opens and holds a file so that no other process can; throws StoreCannotOpen, or SQLite's error
 * when another process holds it. Nothing is written until {@link SqliteFile.keep}: a file that turns
 * out to be unreadable stays as it is.
 *
 * Exclusive locking is what keeps a second process out: two would otherwise write over each
 * other's memory.
 */
export function openSqliteFile(path: string, options: OpenOptions): SqliteFile {
  if (options.createFolder) mkdirSync(dirname(path), { recursive: true });
  mustBeUsable(path);
  if (hasForeignLog(path)) throw storeCannotOpen(path, foreignLog(path));
  const db = new DatabaseSync(path);
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec("BEGIN EXCLUSIVE");
    claim(db, path);
    return new SqliteFile(db, options);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Throws where SQLite would fail without saying why. */
function mustBeUsable(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (found.isDirectory()) throw storeCannotOpen(path, "it is a folder; name a file in it");
  mustHaveOneName(path);
  accessSync(path, constants.R_OK | constants.W_OK);
}

/**
 * A backup is a file without a log, and says so in its header; a file in use keeps one. The log of
 * another file beside it, as of one that it takes the place of, would be written over it unseen.
 */
function hasForeignLog(path: string): boolean {
  const log = `${path}-wal`;
  if (!existsSync(path) || !existsSync(log) || statSync(log).size === 0) return false;
  const header = Buffer.alloc(20);
  const file = openSync(path, "r");
  try {
    readSync(file, header);
  } finally {
    closeSync(file);
  }
  // See https://sqlite.org/fileformat.html#file_format_version_numbers: 2 stands for a log.
  return header[19] === 1;
}

function foreignLog(path: string): string {
  return `the log beside it, '${path}-wal', is another file's; move that away`;
}

/** The tables of a store, and nothing that it keeps in memory. Blocks while it reads and writes. */
export class SqliteFile {
  readonly #db: DatabaseSync;
  readonly #bytesMax: number | undefined;
  readonly #upsert: StatementSync;
  readonly #delete: StatementSync;

  constructor(db: DatabaseSync, { fileBytesMax }: Pick<OpenOptions, "fileBytesMax">) {
    this.#db = db;
    this.#bytesMax = fileBytesMax;
    this.#upsert = db.prepare(
      `INSERT INTO session (id, beach_id, revision, deadline, record) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET beach_id = excluded.beach_id, revision = excluded.revision,
         deadline = excluded.deadline, record = excluded.record`,
    );
    this.#delete = db.prepare("DELETE FROM session WHERE id = ?");
  }

  /** What the file holds could be read: from now on it is written. */
  keep(): void {
    this.#db.exec("COMMIT");
    this.#db.exec(pragmas);
    // The check of the whole file keeps a read open until another ends, and with it the log in use.
    this.#meta("format");
    if (this.#bytesMax === undefined) return;
    this.#db.exec(`PRAGMA max_page_count = ${Math.floor(this.#bytesMax / pageBytes)}`);
  }

  /**
   * Writes all of the batch. When it throws, none of it is written as far as this process knows.
   */
  write({ rows, aliveAt }: Batch): void {
    this.#transact(() => {
      for (const row of rows) this.#writeRow(row);
      if (aliveAt !== undefined) this.#writeAlive(aliveAt);
    });
  }

  /** In a transaction of its own. */
  writeGap(gap: Gap, aliveAt: EpochMs | undefined): void {
    this.#transact(() => {
      this.#insertGap(gap);
      if (aliveAt !== undefined) this.#writeAlive(aliveAt);
    });
  }

  /**
   * Moves what was committed from the write-ahead log to its place in the file. When that fails
   * nothing is lost, and the log grows until a later one succeeds.
   */
  checkpoint(): void {
    try {
      this.#db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // The next commit reports what is wrong with the disk.
    }
  }

  /** The same, and the log is empty then; throws when it cannot be. */
  emptyLog(): void {
    const { busy } = this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() ?? {};
    if (busy !== 0) throw new Error("the write-ahead log is in use");
  }

  /** Every session's row, a page at a time. */
  *pages(): Generator<readonly RecoveredRow[], void, undefined> {
    const statement = this.#db.prepare(
      `SELECT rowid, id, deadline, record FROM session WHERE rowid > ? ORDER BY rowid LIMIT ?`,
    );
    statement.setReturnArrays(true);
    let after = 0;
    for (;;) {
      const page = statement.all(after, recoveryPage) as unknown as readonly RecoveredRow[];
      yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < recoveryPage) return;
      after = last[0];
    }
  }

  /** Oldest first. */
  gaps(): readonly Gap[] {
    const rows = this.#db.prepare("SELECT number, begins, ends, kind FROM gap ORDER BY number");
    return rows.all().map((row) => ({
      number: row.number as number,
      from: row.begins as EpochMs,
      until: row.ends as EpochMs,
      kind: row.kind as Gap["kind"],
    }));
  }

  lastAlive(): EpochMs | undefined {
    return this.#meta("alive");
  }

  incarnation(): number {
    return this.#meta(incarnationName) ?? 0;
  }

  close(): void {
    this.#db.close();
  }

  #writeRow({ id, kept }: SessionRow): void {
    if (kept === undefined) {
      this.#delete.run(id);
    } else {
      const { beachId, revision, deadline = null, record } = kept;
      this.#upsert.run(id, beachId, revision, deadline, record);
    }
  }

  #meta(name: string): number | undefined {
    const row = this.#db.prepare("SELECT value FROM meta WHERE name = ?").get(name);
    return row?.value as number | undefined;
  }

  /** It never goes back, in whatever order writes arrive. */
  #writeAlive(at: EpochMs): void {
    const latest = Math.max(at, this.lastAlive() ?? at);
    this.#db.prepare(metaUpsert).run("alive", latest);
  }

  #insertGap({ number, from, until, kind }: Gap): void {
    const insert = "INSERT INTO gap (number, begins, ends, kind) VALUES (?, ?, ?, ?)";
    this.#db.prepare(insert).run(number, from, until, kind);
    this.#db.prepare("DELETE FROM gap WHERE number <= ?").run(number - gapsMax);
  }

  #transact(work: () => void): void {
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  #rollBack(): void {
    try {
      if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec("ROLLBACK");
    } catch {
      // The error that led here says more; the next BEGIN shows whether the file is usable.
    }
  }
}
