import fc from "fast-check";
import { expect, test } from "vitest";

import type { Gap } from "../../../src/core/session.ts";
import type { EpochMs } from "../../../src/core/time.ts";
import { ProcessGapKeeper } from "../../../src/service/gaps/process-gap-keeper.ts";
import { StoreUnavailable } from "../../../src/service/session-store.ts";
import { StoreWeather } from "../../simulation/faults/store-weather.ts";
import { Disk } from "../../simulation/service/disk.ts";
import { SimulatedStore } from "../../simulation/service/simulated-store.ts";
import { Random } from "../../support/runs/random.ts";
import { byLength } from "../../support/runs/test-length.ts";
import { type ManualClock, manualClock } from "../../support/service/manual-clock.ts";
import { insertion, sessionRecord } from "../../support/store/store-records.ts";

interface Step {
  readonly kind: "time passes" | "stall" | "store away" | "crash" | "drain" | "call" | "write";
  readonly forMs: number;
}

const steps: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("time passes", "stall", "store away", "crash", "drain", "call", "write"),
  forMs: fc.constantFrom(1, 250, 600, 999, 1_000, 1_251, 2_000, 5_000),
});

/** What is written around a stall that is not on record when the process ends. */
const badMoment: fc.Arbitrary<readonly Step[]> = fc.constant([
  { kind: "write", forMs: 0 },
  { kind: "stall", forMs: 5_000 },
  { kind: "write", forMs: 0 },
  { kind: "crash", forMs: 0 },
]);

const moments = fc.oneof({ arbitrary: steps.map((step) => [step]), weight: 9 }, badMoment);

interface Running {
  readonly keeper: ProcessGapKeeper;
  readonly store: SimulatedStore;
  readonly weather: StoreWeather;
  readonly stop: AbortController;
}

/** What stands still for longer is a stall. */
const stretchMs = 1_250;

/** One process after another that keeps the gaps of one disk. */
class Life {
  readonly disk: Disk = new Disk();
  readonly received: Gap[] = [];
  /** Moments at which nobody was heard. */
  readonly deaf: EpochMs[] = [];
  readonly #clock: ManualClock = manualClock();
  readonly #random: Random;
  #run: Running | undefined;
  #writes = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  async live(through: readonly Step[]): Promise<void> {
    for (const { kind, forMs } of through) {
      await this.#start();
      if (kind === "time passes") await this.#clock.advance(forMs);
      if (kind === "stall") await this.#stall(forMs);
      if (kind === "store away") this.#run?.weather.goAway(forMs);
      if (kind === "call") this.#call();
      if (kind === "write") this.#write();
      if (kind === "crash") await this.#crash(forMs);
      if (kind === "drain") await this.#drain(forMs);
      if (this.#run?.keeper.isStoreAway) this.#noteDeaf();
    }
    await this.#crash(0);
    while (this.#run === undefined) await this.#start();
    this.#run.stop.abort();
  }

  /** Before anything is written there is nothing whose deadlines a gap could move. */
  #noteDeaf(): void {
    if (this.disk.image().aliveAt !== undefined) this.deaf.push(this.#clock.now());
  }

  async #stall(forMs: number): Promise<void> {
    if (this.#run !== undefined && forMs > stretchMs) this.#noteDeaf();
    await this.#clock.jump(forMs);
  }

  /** Fails while the store does, and is tried again with the next step. */
  async #start(): Promise<void> {
    if (this.#run !== undefined) return;
    const { disk } = this;
    const clock = this.#clock;
    const stop = new AbortController();
    const weather = new StoreWeather({
      plan: new Map([
        ["store slow", 0.5],
        ["store acknowledgement lost", 3],
        ["store fault", 3],
      ]),
      random: this.#random,
      now: () => clock.now(),
      count: () => undefined,
      onFault: () => undefined,
    });
    // What was on its way when the process ended stays there.
    const pause = (durationMs: number): Promise<void> =>
      clock
        .sleep(durationMs, new AbortController().signal)
        .then(() => (stop.signal.aborted ? new Promise(() => undefined) : undefined));
    const store = new SimulatedStore({ disk, weather, pause });
    const observe = (event: { kind: string; gap?: Gap }): void => {
      if (event.gap !== undefined && !stop.signal.aborted) this.received.push(event.gap);
    };
    const keeper = new ProcessGapKeeper({ store, clock, isNeeded: () => true, observe });
    store.serve();
    const starting = keeper.start().then(
      () => true,
      () => false,
    );
    await clock.advance(1_000);
    if (!(await starting)) return;
    void keeper.run(stop.signal);
    this.#run = { keeper, store, weather, stop };
  }

  /** Somebody asks for something, as SessionService does before it decides. */
  #call(): void {
    const keeper = this.#run?.keeper;
    if (keeper === undefined) return;
    keeper.observe(this.#clock.now()).catch((error: unknown) => {
      if (!(error instanceof StoreUnavailable)) throw error;
      keeper.noteStoreFault();
    });
  }

  /** Something is written that was decided before: nobody looks for stalls then. */
  #write(): void {
    const store = this.#run?.store;
    this.#writes += 1;
    const change = insertion(sessionRecord({ id: `s${this.#writes}` }));
    store?.commit(change).catch((error: unknown) => {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.#run?.keeper.noteStoreFault();
    });
  }

  async #crash(downMs: number): Promise<void> {
    this.#run?.stop.abort();
    this.#run = undefined;
    this.#noteDeaf();
    await this.#clock.jump(downMs);
  }

  /** Ends in order: what is behind is written, if the store is there. */
  async #drain(downMs: number): Promise<void> {
    await this.#run?.store[Symbol.asyncDispose]();
    await this.#crash(downMs);
  }
}

const lives = byLength({ short: 150, long: 2_000 });

const passing = (...each: readonly number[]): readonly Step[] =>
  each.map((forMs) => ({ kind: "time passes", forMs }));

/** Lives and seeds in which nobody was heard while an absence was written, and that lay in no gap. */
const failedLives: [readonly Step[], number][] = [
  [passing(1, 2_000, 600, 2_000, 250), 17],
  [passing(1, 600, 250), 1_727_129_506],
  [
    [
      ...passing(600),
      { kind: "stall", forMs: 1_251 },
      { kind: "stall", forMs: 1_000 },
      ...passing(1, 1, 1, 1),
    ],
    11,
  ],
];

function overlaps(gaps: readonly Gap[]): readonly Gap[] {
  return gaps.filter((gap, index) => gap.from < (gaps[index - 1]?.until ?? 0));
}

/** What lies in no gap; where one ends, somebody is heard again. */
function uncovered(deaf: readonly EpochMs[], gaps: readonly Gap[]): readonly EpochMs[] {
  return deaf.filter((at) => !gaps.some(({ from, until }) => from <= at && at <= until));
}

test("each moment at which nothing was received lies in exactly one gap, whatever stalls, fails and restarts", async () => {
  let gaps = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(moments, { minLength: 3, maxLength: 25 }).map((each) => each.flat()),
      fc.nat(),
      async (through, seed) => {
        const life = new Life(seed);
        await life.live(through);
        const kept = life.disk.image().gaps;
        gaps += kept.length;
        expect(overlaps(kept)).toEqual([]);
        expect(uncovered(life.deaf, kept)).toEqual([]);
        expect(kept.filter(({ from, until }) => from > until)).toEqual([]);
        expect(new Set(life.received.map(({ number }) => number)).size).toBe(life.received.length);
      },
    ),
    { numRuns: lives, examples: failedLives },
  );
  expect(gaps).toBeGreaterThan(100);
}, 120_000);
