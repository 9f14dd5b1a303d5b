import type { Gap } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { Clock } from "../../service/time/clock.ts";
import { eachInTurns, nextTurn } from "../../service/time/next-turn.ts";
import type { SessionRow } from "./sqlite-file.ts";
import type { SqliteThread } from "./sqlite-thread.ts";
import { type LateRow, WriteBehind } from "./write-behind.ts";

/** What one transaction wrote; `sessions` counts rows. */
export interface WrittenTransaction {
  readonly sessions: number;
}

/** So many transitions share one fsync. */
const durableMax = 1_000;
/** Publishing and answering a transition takes longer than writing it: this many share a turn. */
const shownPerTurn = 32;
/** So many rows that are behind share one fsync; beside durable ones, which wait for it, fewer. */
const behindMax = 2_000;
const behindBeside = 500;
/** So many rows are encoded in a few milliseconds. */
const encodedPerTurn = 200;
/** Half of what a change may be behind: the other half is for a long pass. */
const passEveryMs: DurationMs = 500;
/** A pass is written in so many parts, with time for calls between them. */
const partsPerPass = 10;
const partEveryMs: DurationMs = 25;
/** A part has at least so many rows: fewer hold up nobody. */
const partMin = 50;
/** What takes longer than this, a transaction or a pass, leaves no time to promise more for later. */
const lateMs: DurationMs = 500;

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

interface Durable extends Waiting<void> {
  readonly row: SessionRow;
}

interface Pass {
  readonly since: EpochMs;
  /** The moment alive that is written with the last of it. */
  readonly aliveAt: EpochMs | undefined;
  readonly waiting: readonly Waiting<void>[];
  /** Parts of it that are on disk. */
  parts: number;
  /** The next part is not due yet. */
  isResting: boolean;
}

/** What one transaction writes. */
interface Taken {
  readonly durable: readonly Durable[];
  readonly behind: readonly LateRow[];
  readonly endsPass: boolean;
}

export interface SqliteWriterDeps {
  readonly file: SqliteThread;
  readonly clock: Clock;
  readonly observe: ((written: WrittenTransaction) => void) | undefined;
}

/**
 * Group commit: rows given in one turn of the event loop, or while the transaction before is being
 * written, share one.
 *
 * The moment alive is written with the rows. It never claims too much: the gap keeper provides it,
 * and it is written only when every row that was behind at that moment is on disk with it.
 */
export class SqliteWriter {
  readonly #deps: SqliteWriterDeps;
  readonly #behind = new WriteBehind();
  readonly #stop = new AbortController();
  #durable: Durable[] = [];
  #pass: Pass | undefined;
  #waitingForPass: Waiting<void>[] = [];
  #aliveAt: EpochMs | undefined;
  #aliveUntil: (() => EpochMs) | undefined;
  #isWorking = false;
  /** When the transaction that is being written was begun. */
  #writingSince: EpochMs | undefined;
  #isFailing = false;
  #passes: Promise<void> = Promise.resolve();
  #work: Promise<void> = Promise.resolve();
  /** Resolves when the callers of rows on disk have been answered. */
  #reporting: Promise<void> = Promise.resolve();

  constructor(deps: SqliteWriterDeps) {
    this.#deps = deps;
    this.#aliveAt = deps.file.head.lastAlive;
  }

  /** The transaction being written takes long. Later ones wait even longer. */
  get isLate(): boolean {
    return this.#hasLasted(this.#writingSince);
  }

  /** Whether a row may be written later: the last transaction was, and nothing is late. */
  get mayPromise(): boolean {
    return !this.#isFailing && !this.isLate && !this.#hasLasted(this.#pass?.since);
  }

  /** Writes what is behind, twice a second, until the writer is closed. */
  start(): void {
    this.#passes = this.#passRegularly();
  }

  /** Sets the function that returns the moment alive for each write. */
  aliveBy(aliveUntil: () => EpochMs): void {
    this.#aliveUntil = aliveUntil;
  }

  /** Resolves when the row is on disk; rejects with StoreUnavailable when it could not be written. */
  write(row: SessionRow): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#durable.push({ row, resolve, reject });
      this.#schedule();
    });
  }

  /** Writes the row within a second. */
  writeBehind(row: LateRow): void {
    this.#behind.put(row);
  }

  /** Resolves when all that is behind, and with it the moment alive, is on disk. */
  writeAll(aliveAt: EpochMs): Promise<void> {
    this.#raiseAlive(aliveAt);
    return this.#writeWhatIsBehind();
  }

  /**
   * Resolves when the gap is on disk; rejects with StoreUnavailable when it could not be written.
   * With the gap's end as the moment alive, a crash right after does not count the gap again.
   */
  async writeGap(gap: Gap): Promise<void> {
    const aliveAt = this.#behind.isEmpty ? this.#raiseAlive(gap.until) : undefined;
    await this.#deps.file.writeGap(gap, aliveAt);
  }

  /**
   * Lets the write-ahead log grow from nothing until the work is done: the file itself does not
   * change meanwhile. Rejects with StoreUnavailable when the log cannot be emptied first.
   */
  async keepingLog<T>(work: () => Promise<T>): Promise<T> {
    await this.#deps.file.keepLog();
    try {
      return await work();
    } finally {
      await this.#deps.file.releaseLog();
    }
  }

  /** Writes everything. Rejects with StoreUnavailable if the last of it could not be written. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#passes;
    await this.#writeWhatIsBehind().catch(async () => {
      // What kept it from being written may have been a commit that came with it.
      await this.#work;
      await this.#writeWhatIsBehind();
    });
    await this.#work;
    await this.#reporting;
  }

  async #passRegularly(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#deps.clock.sleep(passEveryMs, signal);
      if (!this.#behind.isEmpty) this.#beginPass();
    }
  }

  #writeWhatIsBehind(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waitingForPass.push({ resolve, reject });
      this.#beginPass();
    });
  }

  #beginPass(): void {
    if (this.#pass !== undefined) return;
    this.#behind.beginPass();
    this.#pass = {
      since: this.#deps.clock.now(),
      aliveAt: this.#raiseAlive(this.#aliveUntil?.()),
      waiting: this.#waitingForPass,
      parts: 0,
      isResting: false,
    };
    this.#waitingForPass = [];
    this.#schedule();
  }

  get #hasWork(): boolean {
    return this.#durable.length > 0 || this.#pass?.isResting === false;
  }

  /** What else comes in this turn of the event loop goes with it. */
  #schedule(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#work = nextTurn().then(() => this.#writeWhatThereIs());
  }

  async #writeWhatThereIs(): Promise<void> {
    while (this.#hasWork) await this.#writeNext();
    this.#isWorking = false;
  }

  async #writeNext(): Promise<void> {
    const taken = this.#take();
    try {
      const rows: SessionRow[] = [];
      await eachInTurns(taken.behind, encodedPerTurn, (row) => rows.push(row.encoded()));
      // What is behind is older than a durable row of the same session: the later one stays.
      rows.push(...taken.durable.map(({ row }) => row));
      const aliveAt = this.#aliveWith(taken.endsPass);
      this.#writingSince = this.#deps.clock.now();
      await this.#deps.file.write({ rows, aliveAt });
    } catch (error) {
      this.#fail(taken, error);
      return;
    } finally {
      this.#writingSince = undefined;
    }
    this.#written(taken);
  }

  #take(): Taken {
    const durable = this.#durable.splice(0, durableMax);
    const isAlone = this.#isFailing && durable.length > 0;
    const room = durable.length === 0 ? behindMax : behindBeside;
    const behind = isAlone ? [] : this.#behind.peek(Math.min(room, this.#partMax));
    const endsPass = this.#pass !== undefined && behind.length === this.#behind.remaining;
    return { durable, behind, endsPass };
  }

  /** How many rows the next part of the pass may have. */
  get #partMax(): number {
    const pass = this.#pass;
    if (pass === undefined || this.#stop.signal.aborted) return behindMax;
    if (pass.isResting) return 0;
    const partsLeft = Math.max(1, partsPerPass - pass.parts);
    return Math.max(partMin, Math.ceil(this.#behind.remaining / partsLeft));
  }

  /** A part of the pass is on disk: the next one comes in its time. */
  #rest(): void {
    const pass = this.#pass;
    if (pass === undefined || pass.isResting) return;
    const { clock } = this.#deps;
    pass.parts += 1;
    const restMs = pass.since + pass.parts * partEveryMs - clock.now();
    if (restMs <= 0) return;
    pass.isResting = true;
    void clock.sleep(restMs, this.#stop.signal).then(() => {
      pass.isResting = false;
      this.#schedule();
    });
  }

  #written({ durable, behind, endsPass }: Taken): void {
    this.#isFailing = false;
    for (const row of behind) this.#behind.drop(row);
    for (const { row } of durable) this.#behind.dropAll(row.id);
    this.#reporting = this.#reporting.then(() =>
      eachInTurns(durable, shownPerTurn, ({ resolve }) => resolve()),
    );
    if (endsPass) this.#endPass();
    else if (behind.length > 0) this.#rest();
    this.#deps.observe?.({ sessions: behind.length + durable.length });
  }

  #hasLasted(since: EpochMs | undefined): boolean {
    return since !== undefined && this.#deps.clock.now() - since > lateMs;
  }

  /** The moment alive as it is to be written: it never goes back. */
  #raiseAlive(at: EpochMs | undefined): EpochMs | undefined {
    if (at !== undefined) this.#aliveAt = Math.max(this.#aliveAt ?? at, at);
    return this.#aliveAt;
  }

  #aliveWith(endsPass: boolean): EpochMs | undefined {
    if (this.#behind.isEmpty) return this.#raiseAlive(this.#aliveUntil?.());
    return endsPass ? this.#pass?.aliveAt : undefined;
  }

  #endPass(): void {
    const waiting = this.#pass?.waiting ?? [];
    this.#pass = undefined;
    for (const { resolve } of waiting) resolve();
    if (this.#waitingForPass.length > 0) this.#beginPass();
  }

  #fail({ durable, behind }: Taken, error: unknown): void {
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
