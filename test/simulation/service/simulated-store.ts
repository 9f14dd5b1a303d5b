import type { SessionId } from "../../../src/core/ids.ts";
import type { Gap, SessionRecord } from "../../../src/core/session.ts";
import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Tally } from "../../../src/service/figures/fleet-counts.ts";
import {
  type ChangeNotice,
  type Peeked,
  type SessionChange,
  type SessionPage,
  type SoleStore,
  StoreUnavailable,
} from "../../../src/service/session-store.ts";
import { ChangeListeners } from "../../../src/store/change-listeners.ts";
import { GapLog } from "../../../src/store/gap-log.ts";
import { SessionIndex } from "../../../src/store/session-index.ts";
import type { Random } from "../../support/runs/random.ts";
import type { CallFate, StoreWeather } from "../faults/store-weather.ts";
import type { Disk, DiskRow } from "./disk.ts";

/** What is behind is written this often: half of the second that it may take. */
const passEveryMs: DurationMs = 500;

interface StoreParts {
  readonly disk: Disk;
  readonly weather: StoreWeather;
  /** Waits as long as the process lives; then, for ever. */
  readonly pause: (duration: DurationMs) => Promise<void>;
}

/**
 * A run's view of the disk: what is in memory with a disk under it, and weather around it. It keeps the promises of the
 * interface and none beyond: a durable commit is on disk before it resolves, an extension that was
 * declared behind up to a second later, and the moment alive is written only when nothing that
 * was shown before it is missing on disk.
 */
export class SimulatedStore implements SoleStore {
  readonly kind = "sole";
  /** None of its calls takes longer than a fraction of a second. */
  readonly isLate = false;

  readonly #parts: StoreParts;
  /** Of the sessions in a run most are held as text at any time. */
  readonly #shown = new SessionIndex(2);
  readonly tally: Tally = this.#shown.tally;
  readonly #listeners = new ChangeListeners();
  readonly #gaps: GapLog;
  readonly #lastAlive: EpochMs | undefined;
  readonly #incarnation: number;
  readonly #behind = new Map<SessionId, DiskRow>();
  readonly #inFlight = new Set<() => unknown>();

  #aliveUntil: (() => EpochMs) | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    const { rows, gaps, aliveAt, incarnation } = parts.disk.image();
    this.#gaps = new GapLog(gaps);
    this.#lastAlive = aliveAt;
    this.#incarnation = incarnation;
    for (const row of rows.values()) this.#shown.restore(row);
    this.#shown.listRestored();
  }

  /** Writes what is behind in time, from now on. */
  serve(): void {
    void this.#passRegularly();
  }

  load(id: SessionId): Promise<SessionRecord | undefined> {
    return this.#call(() => this.#shown.get(id));
  }

  commit(change: SessionChange): Promise<"committed" | "conflict"> {
    return this.#call(() => {
      if (this.#parts.weather.meetsWriter()) return "conflict";
      return this.#show(change) ? "committed" : "conflict";
    });
  }

  peek(id: SessionId): Peeked {
    return this.#parts.weather.answersNow() ? this.#shown.peek(id) : "pending";
  }

  commitNow(change: SessionChange): boolean {
    if (change.durability === "durable" || this.#parts.weather.meetsWriter()) return false;
    return this.#show(change);
  }

  due(moment: EpochMs, limit: number): Promise<readonly SessionId[]> {
    return this.#call(() => this.#shown.due(moment, limit));
  }

  nextDeadline(): Promise<EpochMs | undefined> {
    return this.#call(() => this.#shown.nextDeadline());
  }

  postpone(id: SessionId, until: EpochMs): Promise<void> {
    return this.#call(() => this.#shown.postpone(id, until));
  }

  list(page: SessionPage): Promise<readonly SessionRecord[]> {
    return this.#call(() => this.#shown.list(page));
  }

  changes(listener: (notice: ChangeNotice) => void): Disposable {
    return this.#listeners.add(listener);
  }

  recordGap(gap: Omit<Gap, "number">): Promise<Gap> {
    return this.#call(() => {
      const numbered = this.#gaps.append(this.#gaps.numbered(gap));
      this.#parts.disk.writeGap(numbered);
      if (this.#behind.size === 0) this.#parts.disk.writeAlive(gap.until);
      return numbered;
    });
  }

  gaps(): Promise<readonly Gap[]> {
    return this.#call(() => this.#gaps.all);
  }

  async incarnation(): Promise<number> {
    return this.#incarnation;
  }

  recordAlive(at: EpochMs): Promise<void> {
    return this.#call(() => this.#writeBehind(at));
  }

  aliveBy(aliveUntil: () => EpochMs): void {
    this.#aliveUntil = aliveUntil;
  }

  lastAlive(): Promise<EpochMs | undefined> {
    return this.#call(() => this.#lastAlive);
  }

  /** Writes what is behind, as a process that ends in order does, if it can. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#parts.weather.isAway) this.#writeBehind(this.#aliveUntil?.());
  }

  get hasUnwritten(): boolean {
    return this.#behind.size > 0 || this.#inFlight.size > 0;
  }

  /**
   * The process is gone: what was behind is lost, and of commits that were on their way to disk
   * chance decides.
   */
  crash(random: Random): { readonly lost: number; readonly inDoubt: number } {
    const lost = this.#behind.size;
    const inDoubt = this.#inFlight.size;
    this.#behind.clear();
    for (const effect of this.#inFlight) if (random.chance(0.5)) effect();
    this.#behind.clear();
    return { lost, inDoubt };
  }

  #show(change: SessionChange): boolean {
    const notice = this.#shown.apply(change);
    if (notice === undefined) return false;
    this.#listeners.notify(notice);
    this.#keep(change);
    return true;
  }

  #keep({ id, next, deadline, durability }: SessionChange): void {
    const row = next && { record: next, deadline };
    if (durability === "behind" && row !== undefined) {
      this.#behind.set(id, row);
      return;
    }
    this.#behind.delete(id);
    this.#parts.disk.write(id, row);
    if (this.#behind.size === 0) this.#writeAlive(this.#aliveUntil?.());
  }

  #writeBehind(aliveAt: EpochMs | undefined): void {
    for (const [id, row] of this.#behind) this.#parts.disk.write(id, row);
    this.#behind.clear();
    this.#writeAlive(aliveAt);
  }

  #writeAlive(at: EpochMs | undefined): void {
    if (at !== undefined) this.#parts.disk.writeAlive(at);
  }

  async #passRegularly(): Promise<void> {
    for (;;) {
      await this.#parts.pause(passEveryMs);
      if (this.#behind.size > 0 && !this.#parts.weather.isAway) {
        this.#writeBehind(this.#aliveUntil?.());
      }
    }
  }

  async #call<T>(effect: () => T): Promise<T> {
    const fate = this.#parts.weather.fate();
    if (fate.beforeMs > 0 || fate.afterMs > 0) return await this.#callSlowly(effect, fate);
    if (fate.fails === "at once") throw away();
    const result = effect();
    if (fate.fails === "unheard") throw away();
    return result;
  }

  async #callSlowly<T>(effect: () => T, { beforeMs, afterMs, fails }: CallFate): Promise<T> {
    if (fails !== "at once") this.#inFlight.add(effect);
    await this.#parts.pause(beforeMs);
    this.#inFlight.delete(effect);
    if (fails === "at once") throw away();
    const result = effect();
    await this.#parts.pause(afterMs);
    if (fails === "unheard") throw away();
    return result;
  }
}

function away(): StoreUnavailable {
  return new StoreUnavailable("The simulated store is away");
}
