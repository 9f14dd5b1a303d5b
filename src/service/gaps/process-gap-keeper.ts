import type { SessionId } from "../../core/ids.ts";
import type { Gap } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { ServiceObserver } from "../service-events.ts";
import { gapsMax, type SoleStore } from "../session-store.ts";
import type { Clock } from "../time/clock.ts";
import type { GapKeeper, StoreReach } from "./gap-keeper.ts";

/** For how long the loop may stand still, or the disk, before the stretch counts as a gap. */
const stallMs: DurationMs = 1000;
/** How often the process notes that it is alive, and how often that is made durable. */
const heartbeatMs: DurationMs = 250;
const aliveMs: DurationMs = 1000;
/** So long after a heartbeat that may have been on time, the stretch is one without reports. */
const stretchMs: DurationMs = stallMs + heartbeatMs;
/**
 * How far ahead the end of an absence is recorded: calls are refused until it is on disk. That may
 * take longer, so the next try doubles it.
 */
const leadMs: DurationMs = 50;

interface ProcessGapKeeperDeps {
  readonly store: SoleStore;
  readonly clock: Clock;
  readonly observe: ServiceObserver;
  /** Whether there is anything whose deadlines a gap could move. */
  readonly isNeeded: () => boolean;
}

/**
 * Notices when this process, the only one, could receive nothing, and records each gap before it
 * goes on.
 */
export class ProcessGapKeeper implements GapKeeper {
  readonly #deps: ProcessGapKeeperDeps;
  #gaps: readonly Gap[] = [];
  #incarnation = 0;
  #heartbeatAt: EpochMs;
  #aliveAt: EpochMs;
  /** The machine was suspended, and that is not on record yet. */
  #wasSuspended = false;
  /** Since when the store has been away; undefined while it answers. */
  #awaySince: EpochMs | undefined;
  /** When the earliest stall began that is still being written. */
  #stalledSince: EpochMs | undefined;
  /** The newest of them. */
  #recording: Promise<void> | undefined;
  /** The moment alive that is being written. */
  #writing: Promise<void> | undefined;

  constructor(deps: ProcessGapKeeperDeps) {
    this.#deps = deps;
    this.#heartbeatAt = deps.clock.now();
    this.#aliveAt = this.#heartbeatAt;
  }

  noteSuspend(): void {
    this.#wasSuspended = true;
  }

  gapsOf(): readonly Gap[] {
    return this.#gaps;
  }

  incarnationOf(): number {
    return this.#incarnation;
  }

  basisOf(): undefined {
    return undefined;
  }

  isAway(): boolean {
    return this.isStoreAway;
  }

  get reach(): StoreReach {
    return { parts: 1, away: this.isStoreAway ? 1 : 0 };
  }

  /** An absence lasts to the end that is on record, also where it was on record sooner. */
  get isStoreAway(): boolean {
    return this.#isAwayAt(this.#deps.clock.now());
  }

  #isAwayAt(now: EpochMs): boolean {
    const newest = this.#gaps.at(-1);
    return this.#awaySince !== undefined || (newest !== undefined && now < newest.until);
  }

  /** Records the absence since the earlier run, if there was one. */
  async start(): Promise<void> {
    const { store, clock } = this.#deps;
    this.#gaps = await store.gaps();
    this.#incarnation = await store.incarnation();
    const lastAlive = await store.lastAlive();
    this.#heartbeatAt = clock.now();
    if (lastAlive !== undefined) await this.#record(lastAlive, this.#heartbeatAt, "absence");
    store.aliveBy(() => this.#aliveUntil());
  }

  /**
   * A loop that stood still has missed reports. Calls that arrive while the gap is being recorded
   * wait for it too.
   */
  async observe(now: EpochMs): Promise<void> {
    if (this.#hasStoodStill(now)) this.#noteStall(now);
    await this.#recording;
  }

  isCurrent(_id: SessionId, now: EpochMs): boolean {
    return !this.#isAwayAt(now) && this.#recording === undefined && !this.#hasStoodStill(now);
  }

  #hasStoodStill(now: EpochMs): boolean {
    return this.#wasSuspended || now - this.#heartbeatAt > stretchMs;
  }

  /**
   * Until when the process certainly received reports. If it ends now, the next process records a
   * gap from here on, which must contain every stretch that is not recorded yet.
   */
  #aliveUntil(): EpochMs {
    const now = this.#deps.clock.now();
    const unrecordedSince = this.#awaySince ?? this.#stalledSince;
    return unrecordedSince ?? (this.#hasStoodStill(now) ? this.#heartbeatAt : now);
  }

  #noteStall(now: EpochMs): void {
    const from = this.#heartbeatAt;
    // Clients may have slept as well, or given up: as after a restart.
    const kind = this.#wasSuspended ? "absence" : "stall";
    this.#wasSuspended = false;
    this.#heartbeatAt = now;
    // A stall while the store is away lies within an absence, which is recorded when it ends.
    if (this.isStoreAway) return;
    this.#stalledSince ??= from;
    const recording = this.#recordInTurn(this.#recording, from, now, kind).finally(() => {
      // The store may take so long that another stall is queued behind this one.
      if (this.#recording !== recording) return;
      this.#recording = undefined;
      this.#stalledSince = undefined;
    });
    this.#recording = recording;
  }

  /** Waits for the one before. If that fails, both lie within the absence that begins then. */
  async #recordInTurn(
    before: Promise<void> | undefined,
    from: EpochMs,
    until: EpochMs,
    kind: Gap["kind"],
  ): Promise<void> {
    await before;
    if (this.isStoreAway) return;
    try {
      await this.#record(from, until, kind);
    } catch (error) {
      this.noteStoreFault();
      throw error;
    }
  }

  /** The absence lasts until the store answers again. */
  noteStoreFault(): void {
    this.#awaySince ??= this.#aliveAt;
  }

  /** Only this process records anything. */
  async catchUp(): Promise<void> {}

  async run(signal: AbortSignal): Promise<void> {
    const { clock, store } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(heartbeatMs, signal);
      if (signal.aborted) break;
      const now = clock.now();
      await this.#trying(async () => {
        await this.observe(now);
        // A report that arrives during such a write is received only when the write has ended.
        if (!store.isLate) this.#heartbeatAt = Math.max(this.#heartbeatAt, now);
      });
      if (now - this.#aliveAt >= aliveMs) this.#beginToBeAlive();
    }
    await this.#writing;
  }

  /** One at a time, and not awaited: many rows may have to be written first. */
  #beginToBeAlive(): void {
    this.#writing ??= this.#trying(() => this.#beAlive()).finally(() => {
      this.#writing = undefined;
    });
  }

  async #beAlive(): Promise<void> {
    const { store, clock, isNeeded } = this.#deps;
    for (
      let ahead = leadMs;
      this.#awaySince !== undefined;
      ahead = Math.min(2 * ahead, stretchMs)
    ) {
      // A stall that is still being written may get on record. The absence then begins at its end.
      await this.#recording?.catch(() => undefined);
      await this.#takeRecorded();
      const until = clock.now() + ahead;
      // Before the moment alive is raised past it: a crash between the two must not lose the gap.
      await this.#record(this.#awaySince, until, "absence");
      // Should the store be away again, what is on record is not recorded twice.
      this.#aliveAt = until;
      // Calls after its end were refused, so the absence goes on.
      this.#awaySince = clock.now() > until ? until : undefined;
    }
    const aliveAt = this.#aliveUntil();
    if (isNeeded()) await store.recordAlive(aliveAt);
    this.#aliveAt = aliveAt;
  }

  /** A gap may have got on record although the store failed to say so. */
  async #takeRecorded(): Promise<void> {
    const known = this.#gaps.at(-1)?.number ?? 0;
    this.#gaps = await this.#deps.store.gaps();
    for (const gap of this.#gaps.filter(({ number }) => number > known)) {
      this.#deps.observe({ kind: "gap", gap, buckets: 1 });
    }
  }

  async #trying(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.noteStoreFault();
      this.#deps.observe({ kind: "failed", where: "heartbeat", error });
    }
  }

  /** No moment counts twice: a gap begins no earlier than the newest one on record ended. */
  async #record(since: EpochMs, end: EpochMs, kind: Gap["kind"]): Promise<void> {
    const from = Math.max(since, this.#gaps.at(-1)?.until ?? since);
    const until = Math.max(from, end);
    // An absence counts whatever its length: by service time a restart may have taken none.
    if (until === from && kind === "stall") return;
    const gap = await this.#deps.store.recordGap({ from, until, kind });
    this.#gaps = [...this.#gaps, gap].slice(-gapsMax);
    this.#deps.observe({ kind: "gap", gap, buckets: 1 });
  }
}
