import type { Gap } from "../../core/session.ts";
import type { EpochMs } from "../../core/time.ts";
import {
  type Batch,
  type OpenOptions,
  openSqliteFile,
  type RecoveredRow,
  type SessionRow,
  type SqliteFile,
} from "./sqlite-file.ts";

/** What a file holds beside its sessions. */
export interface FileHead {
  /** Oldest first. */
  readonly gaps: readonly Gap[];
  readonly lastAlive: EpochMs | undefined;
  readonly incarnation: number;
}

/** Rows after which the write-ahead log is moved into the file. */
const rowsPerCheckpoint = 1_000;

/** Holds a file in the thread that writes it, for {@link SqliteThread}, which says what each does. */
export class SqliteHolder {
  #held: SqliteFile | undefined;
  #pages: Iterator<readonly RecoveredRow[], void> | undefined;
  #rowsSinceCheckpoint = 0;
  /** What the next batch begins with. */
  #staged: SessionRow[] = [];
  #isLogKept = false;

  open(path: string, options: OpenOptions): FileHead {
    const file = openSqliteFile(path, options);
    this.#held = file;
    this.#pages = file.pages();
    return { gaps: file.gaps(), lastAlive: file.lastAlive(), incarnation: file.incarnation() };
  }

  /** Undefined after the last one. */
  nextPage(): readonly RecoveredRow[] | undefined {
    return this.#pages?.next().value ?? undefined;
  }

  keep(): void {
    this.#file.keep();
  }

  stage(rows: readonly SessionRow[]): void {
    this.#staged.push(...rows);
  }

  write({ rows: last, aliveAt }: Batch): void {
    const rows = [...this.#staged, ...last];
    this.#staged = [];
    this.#file.write({ rows, aliveAt });
    this.#rowsSinceCheckpoint += rows.length + 1;
    // Callers that wait for the transaction are answered first.
    setImmediate(() => this.#checkpointIfDue());
  }

  writeGap(gap: Gap, aliveAt: EpochMs | undefined): void {
    this.#file.writeGap(gap, aliveAt);
  }

  keepLog(): void {
    this.#file.emptyLog();
    this.#isLogKept = true;
  }

  releaseLog(): void {
    this.#isLogKept = false;
    this.#checkpointIfDue();
  }

  close(): void {
    this.#held?.close();
    this.#held = undefined;
  }

  get #file(): SqliteFile {
    if (this.#held === undefined) throw new Error("its file is not open");
    return this.#held;
  }

  #checkpointIfDue(): void {
    if (this.#isLogKept || this.#rowsSinceCheckpoint < rowsPerCheckpoint) return;
    this.#rowsSinceCheckpoint = 0;
    this.#held?.checkpoint();
  }
}
