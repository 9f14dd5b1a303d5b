import type { Gap } from "../core/session.ts";
import type { DurationMs, EpochMs } from "../core/time.ts";
import { type Awaitable, whenReady } from "./awaitable.ts";
import type { Clock } from "./clock.ts";
import type { ServiceObserver } from "./service-events.ts";
import { gapsMax, type SessionStore } from "./session-store.ts";

/** How long the loop may stand still before the stretch counts as a gap. */
const stallMs: DurationMs = 1000;
/** How often the loop shows that it turns, and how often that is made durable. */
const beatMs: DurationMs = 250;
const aliveMs: DurationMs = 1000;

interface GapKeeperDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly observe: ServiceObserver;
  /** Whether there is anything whose deadlines a gap could move. */
  readonly isNeeded: () => boolean;
}

/** Notices when the service could not hear, and puts each gap on record before going on. */
export class GapKeeper {
  readonly #deps: GapKeeperDeps;
  #gaps: readonly Gap[] = [];
  #beatAt: EpochMs;
  #aliveAt: EpochMs;
  /** Since when the store has been away; undefined while it answers. */
  #awaySince: EpochMs | undefined;
  /** A stall that is on its way to the store. */
  #recording: Promise<void> | undefined;

  constructor(deps: GapKeeperDeps) {
    this.#deps = deps;
    this.#beatAt = deps.clock.now();
    this.#aliveAt = this.#beatAt;
  }

  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** The store failed and has not answered since: nothing can be decided. */
  get isStoreAway(): boolean {
    return this.#awaySince !== undefined;
  }

  /** Records the absence since the earlier run, if there was one. */
  async start(): Promise<void> {
    const { store, clock } = this.#deps;
    this.#gaps = await store.gaps();
    const lastAlive = await store.lastAlive();
    this.#beatAt = clock.now();
    if (lastAlive !== undefined) await this.#record(lastAlive, this.#beatAt, "absence");
  }

  /**
   * To be called before anything is decided: a loop that stood still has missed reports. Who comes
   * while the gap is being recorded waits with the first, since it was as deaf.
   */
  observe(now: EpochMs): Awaitable<void> {
    if (now - this.#beatAt <= stallMs + beatMs) return this.#recording;
    const from = this.#beatAt;
    this.#beatAt = now;
    // A stall while the store is away lies within an absence, which is recorded when it ends.
    if (this.isStoreAway) return undefined;
    const recorded = this.#record(from, now, "stall");
    if (!(recorded instanceof Promise)) return undefined;
    this.#recording = recorded.finally(() => {
      this.#recording = undefined;
    });
    return this.#recording;
  }

  /** The store failed: the absence lasts until it answers again. */
  noteStoreFault(): void {
    this.#awaySince ??= this.#aliveAt;
  }

  /** Beats until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(beatMs, signal);
      if (signal.aborted) return;
      try {
        const now = clock.now();
        await this.observe(now);
        this.#beatAt = now;
        if (now - this.#aliveAt >= aliveMs) await this.#beAlive(now);
      } catch (error) {
        this.noteStoreFault();
        this.#deps.observe({ kind: "trouble", where: "heartbeat", error });
      }
    }
  }

  async #beAlive(now: EpochMs): Promise<void> {
    const { store, isNeeded } = this.#deps;
    const awaySince = this.#awaySince;
    // Before the moment alive is raised past it: a crash between the two must not lose the gap.
    if (awaySince !== undefined) await this.#record(awaySince, now, "absence");
    this.#awaySince = undefined;
    if (isNeeded()) await store.recordAlive(now);
    this.#aliveAt = now;
  }

  #record(from: EpochMs, until: EpochMs, kind: Gap["kind"]): Awaitable<void> {
    return whenReady(this.#deps.store.recordGap({ from, until, kind }), (gap) => {
      this.#gaps = [...this.#gaps, gap].slice(-gapsMax);
      this.#deps.observe({ kind: "gap", gap });
    });
  }
}
