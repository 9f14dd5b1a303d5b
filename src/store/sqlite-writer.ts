import type { DurationMs, EpochMs } from "../core/time.ts";
import type { Clock } from "../service/clock.ts";
import type { SessionRow, SqliteFile } from "./sqlite-file.ts";
import { WriteBehind } from "./write-behind.ts";

/** What one transaction wrote; `sessions` counts rows. */
export interface WrittenTransaction {
  readonly sessions: number;
}

/**
 * Writing a transaction blocks the event loop: for about 10 ms with this many rows, when each of
 * them lies on a page of its own.
 */
const rowsMax = 500;
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

export interface SqliteWriterDeps {
  readonly file: SqliteFile;
  readonly clock: Clock;
  readonly observe: ((written: WrittenTransaction) => void) | undefined;
}

/**
 * Group commit: rows given in one turn of the event loop share a transaction, and between two
 * transactions the loop turns.
 *
 * With the rows goes the moment alive. It never claims more than is true: it is written only when
 * every row that was behind at that moment is on disk with it.
 */
export class SqliteWriter {
  readonly #deps: SqliteWriterDeps;
  readonly #behind = new WriteBehind();
  readonly #stop = new AbortController();
  #durable: Durable[] = [];
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

  /** Every row that was put behind is on disk. */
  get isCaughtUp(): boolean {
    return this.#behind.isEmpty;
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
    this.raiseAlive(aliveAt);
    return new Promise((resolve, reject) => {
      this.#waitingForPass.push({ resolve, reject });
      this.#beginPass();
    });
  }

  /** The moment alive as it is to be written: it never goes back. */
  raiseAlive(at: EpochMs): EpochMs {
    this.#aliveAt = Math.max(this.#aliveAt, at);
    return this.#aliveAt;
  }

  /** Writes everything. Rejects with StoreUnavailable if the last of it could not be written. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#passes;
    await this.writeAll(this.#deps.clock.now());
    while (this.#durable.length > 0) await new Promise((resolve) => setImmediate(resolve));
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
      moment: this.raiseAlive(this.#deps.clock.now()),
      waiting: this.#waitingForPass,
    };
    this.#waitingForPass = [];
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#writeNext();
      if (this.#durable.length > 0 || this.#pass !== undefined) this.#schedule();
    });
  }

  #writeNext(): void {
    const durable = this.#durable.splice(0, rowsMax);
    const isAlone = this.#isFailing && durable.length > 0;
    const behind = isAlone ? [] : this.#behind.peek(rowsMax - durable.length);
    const endsPass = this.#pass !== undefined && behind.length === this.#behind.remaining;
    // What is behind is older than a durable row of the same session: the later one stays.
    const rows = [...behind, ...durable.map(({ row }) => row)];
    try {
      const aliveAt = this.#aliveWith(endsPass);
      this.#deps.file.write({ rows, aliveAt, gap: undefined });
    } catch (error) {
      this.#failPass(error);
      // Commits go down with nothing but themselves: they are tried again, alone.
      if (behind.length > 0) this.#durable.unshift(...durable);
      else for (const { reject } of durable) reject(error);
      return;
    }
    this.#isFailing = false;
    for (const { id } of rows) this.#behind.drop(id);
    for (const { resolve } of durable) resolve();
    if (endsPass) this.#endPass();
    this.#deps.observe?.({ sessions: rows.length });
  }

  #aliveWith(endsPass: boolean): EpochMs | undefined {
    if (this.#behind.isEmpty) return this.raiseAlive(this.#deps.clock.now());
    return endsPass ? this.#pass?.moment : undefined;
  }

  #endPass(): void {
    const waiting = this.#pass?.waiting ?? [];
    this.#pass = undefined;
    for (const { resolve } of waiting) resolve();
    if (this.#waitingForPass.length > 0) this.#beginPass();
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
