import type { Gap } from "../core/session.ts";
import type { DurationMs, EpochMs } from "../core/time.ts";
import type { Clock } from "../service/clock.ts";
import type { SessionRow, SqliteFile } from "./sqlite-file.ts";
import { WriteBehind } from "./write-behind.ts";

/** What one transaction wrote; `sessions` counts rows. */
export interface WrittenTransaction {
  readonly sessions: number;
}

/**
 * What one turn does is to hold the event loop for less than 10 ms. With 100,000 sessions, and every
 * row on a page of its own, a thousand rows take 5 ms of processor to be put into a transaction,
 * 5 ms to be committed, and 5 ms for the checkpoint after them; a fifth of that where rows lie side
 * by side (npm run store-writes measures it anew). So a thousand transitions share one fsync, and
 * each of the three has a turn of its own.
 */
const rowsMax = 1_000;
/** So many are put and committed in one turn, which spares them a wait. */
const rowsAtOnce = 300;
/** Rows that are behind are encoded as late as this, at twice the price; some go with every write. */
const behindMin = 100;
/** Rows after which the write-ahead log is moved into the file. */
const rowsPerCheckpoint = 1_000;
/** Half of what a change may be behind: the other half is for a long pass. */
const passEveryMs: DurationMs = 500;

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

interface Durable extends Waiting<void> {
  readonly row: SessionRow;
}

interface Pass {
  readonly moment: EpochMs;
  readonly waiting: readonly Waiting<void>[];
}

/** What is in a transaction that has yet to be committed. */
interface Filled {
  readonly durable: readonly Durable[];
  readonly behind: readonly SessionRow[];
  readonly endsPass: boolean;
}

export interface SqliteWriterDeps {
  readonly file: SqliteFile;
  readonly clock: Clock;
  readonly observe: ((written: WrittenTransaction) => void) | undefined;
}

/**
 * Group commit: rows given in one turn of the event loop share a transaction, and between two
 * transactions, or the parts of a large one, the loop turns.
 *
 * With the rows goes the moment alive. It never claims more than is true: it is written only when
 * every row that was behind at that moment is on disk with it.
 */
export class SqliteWriter {
  readonly #deps: SqliteWriterDeps;
  readonly #behind = new WriteBehind();
  readonly #stop = new AbortController();
  #durable: Durable[] = [];
  #filled: Filled | undefined;
  #rowsSinceCheckpoint = 0;
  #keepsLog = false;
  #pass: Pass | undefined;
  #waitingForPass: Waiting<void>[] = [];
  #aliveAt: EpochMs;
  #isScheduled = false;
  #isFailing = false;
  #passes: Promise<void> = Promise.resolve();

  constructor(deps: SqliteWriterDeps) {
    this.#deps = deps;
    this.#aliveAt = deps.file.lastAlive() ?? 0;
  }

  /** The last write failed: nothing may be promised for later. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** Writes what is behind, twice a second, until the writer is closed. */
  start(): void {
    this.#passes = this.#passRegularly();
  }

  /** Resolves when the row is on disk; rejects with StoreUnavailable when it could not be written. */
  write(row: SessionRow): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#durable.push({ row, resolve, reject });
      this.#schedule();
    });
  }

  /** Writes the row within a second. */
  writeBehind(row: SessionRow): void {
    this.#behind.put(row);
  }

  /** Resolves when all that is behind, and with it the moment alive, is on disk. */
  writeAll(aliveAt: EpochMs): Promise<void> {
    this.#raiseAlive(aliveAt);
    return new Promise((resolve, reject) => {
      this.#waitingForPass.push({ resolve, reject });
      this.#beginPass();
    });
  }

  /**
   * Writes the gap before it returns; throws StoreUnavailable when it cannot. With the gap's end as
   * the moment alive, a crash right after does not count the gap again.
   */
  writeGap(gap: Gap): void {
    if (this.#filled !== undefined) this.#commit(this.#filled);
    const aliveAt = this.#behind.isEmpty ? this.#raiseAlive(gap.until) : undefined;
    this.#deps.file.write({ rows: [], aliveAt, gap });
  }

  /**
   * Lets the write-ahead log grow from nothing until the work is done: the file itself does not
   * change meanwhile. Throws StoreUnavailable when the log cannot be emptied first.
   */
  async keepingLog<T>(work: () => Promise<T>): Promise<T> {
    if (this.#filled !== undefined) this.#commit(this.#filled);
    this.#deps.file.emptyLog();
    this.#keepsLog = true;
    try {
      return await work();
    } finally {
      this.#keepsLog = false;
      if (this.#isCheckpointDue) this.#schedule();
    }
  }

  /** Writes everything. Rejects with StoreUnavailable if the last of it could not be written. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#passes;
    await this.writeAll(this.#deps.clock.now());
    while (this.#hasWork) await new Promise((resolve) => setImmediate(resolve));
  }

  async #passRegularly(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(passEveryMs, signal);
      if (!this.#behind.isEmpty) this.#beginPass();
    }
  }

  #beginPass(): void {
    if (this.#pass !== undefined) return;
    this.#behind.beginPass();
    this.#pass = {
      moment: this.#raiseAlive(this.#deps.clock.now()),
      waiting: this.#waitingForPass,
    };
    this.#waitingForPass = [];
    this.#schedule();
  }

  get #hasWork(): boolean {
    return this.#filled !== undefined || this.#durable.length > 0 || this.#pass !== undefined;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#work();
      if (this.#hasWork || this.#isCheckpointDue) this.#schedule();
    });
  }

  /** As much as one turn may do. */
  #work(): void {
    if (this.#filled !== undefined) this.#commit(this.#filled);
    else if (this.#isCheckpointDue) this.#checkpoint();
    else this.#fill();
  }

  get #isCheckpointDue(): boolean {
    return !this.#keepsLog && this.#rowsSinceCheckpoint >= rowsPerCheckpoint;
  }

  #checkpoint(): void {
    this.#rowsSinceCheckpoint = 0;
    this.#deps.file.checkpoint();
  }

  #fill(): void {
    const durable = this.#durable.splice(0, rowsMax);
    const isAlone = this.#isFailing && durable.length > 0;
    const room = Math.max(behindMin, rowsAtOnce - durable.length);
    const behind = isAlone ? [] : this.#behind.peek(room);
    const endsPass = this.#pass !== undefined && behind.length === this.#behind.remaining;
    // What is behind is older than a durable row of the same session: the later one stays.
    const rows = [...behind, ...durable.map(({ row }) => row)];
    const filled = { durable, behind, endsPass };
    try {
      this.#deps.file.fill({ rows, aliveAt: this.#aliveWith(endsPass), gap: undefined });
    } catch (error) {
      this.#fail(filled, error);
      return;
    }
    this.#filled = filled;
    if (rows.length <= rowsAtOnce) this.#commit(filled);
  }

  #commit(filled: Filled): void {
    this.#filled = undefined;
    try {
      this.#deps.file.commit();
    } catch (error) {
      this.#fail(filled, error);
      return;
    }
    const { durable, behind, endsPass } = filled;
    this.#isFailing = false;
    for (const row of behind) this.#behind.drop(row);
    for (const { row } of durable) this.#behind.dropAll(row.id);
    for (const { resolve } of durable) resolve();
    if (endsPass) this.#endPass();
    const sessions = behind.length + durable.length;
    this.#rowsSinceCheckpoint += sessions + 1;
    this.#deps.observe?.({ sessions });
  }

  /** The moment alive as it is to be written: it never goes back. */
  #raiseAlive(at: EpochMs): EpochMs {
    this.#aliveAt = Math.max(this.#aliveAt, at);
    return this.#aliveAt;
  }

  #aliveWith(endsPass: boolean): EpochMs | undefined {
    if (this.#behind.isEmpty) return this.#raiseAlive(this.#deps.clock.now());
    return endsPass ? this.#pass?.moment : undefined;
  }

  #endPass(): void {
    const waiting = this.#pass?.waiting ?? [];
    this.#pass = undefined;
    for (const { resolve } of waiting) resolve();
    if (this.#waitingForPass.length > 0) this.#beginPass();
  }

  #fail({ durable, behind }: Filled, error: unknown): void {
    this.#failPass(error);
    // Commits go down with nothing but themselves: they are tried again, alone.
    if (behind.length > 0) this.#durable.unshift(...durable);
    else for (const { reject } of durable) reject(error);
  }

  /** What is behind stays behind, and a later pass tries it again. */
  #failPass(error: unknown): void {
    this.#isFailing = true;
    const waiting = [...(this.#pass?.waiting ?? []), ...this.#waitingForPass];
    this.#pass = undefined;
    this.#waitingForPass = [];
    for (const { reject } of waiting) reject(error);
  }
}
