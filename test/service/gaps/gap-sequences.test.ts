import fc from "fast-check";
import { expect, test } from "vitest";

import type { Gap } from "../../../src/core/session.ts";
import { ProcessGapKeeper } from "../../../src/service/gaps/process-gap-keeper.ts";
import { StoreUnavailable } from "../../../src/service/session-store.ts";
import { Disk } from "../../simulation/disk.ts";
import { StoreWeather } from "../../simulation/faults/store-weather.ts";
import { Random } from "../../simulation/random.ts";
import { SimulatedStore } from "../../simulation/simulated-store.ts";
import { type ManualClock, manualClock } from "../../support/manual-clock.ts";
import { byLength } from "../../support/test-length.ts";

interface Step {
  readonly kind: "time passes" | "stall" | "store away" | "crash" | "call";
  readonly forMs: number;
}

const steps: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("time passes", "stall", "store away", "crash", "call"),
  forMs: fc.constantFrom(1, 250, 600, 999, 1_000, 1_251, 2_000, 5_000),
});

/** One process after another that keeps the gaps of one disk. */
class Life {
  readonly disk: Disk = new Disk();
  readonly told: Gap[] = [];
  readonly #clock: ManualClock = manualClock();
  readonly #random: Random;
  #run: { keeper: ProcessGapKeeper; weather: StoreWeather; stop: AbortController } | undefined;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  async live(through: readonly Step[]): Promise<void> {
    for (const { kind, forMs } of through) {
      await this.#start();
      if (kind === "time passes") await this.#clock.advance(forMs);
      if (kind === "stall") await this.#clock.jump(forMs);
      if (kind === "store away") this.#run?.weather.goAway(forMs);
      if (kind === "call") this.#call();
      if (kind === "crash") await this.#crash(forMs);
    }
    await this.#crash(0);
  }

  /** Fails while the store does, and is tried again with the next step. */
  async #start(): Promise<void> {
    if (this.#run !== undefined) return;
    const { disk } = this;
    const clock = this.#clock;
    const stop = new AbortController();
    const weather = new StoreWeather({
      plan: new Map([
        ["store slow", 0.2],
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
      if (event.gap !== undefined && !stop.signal.aborted) this.told.push(event.gap);
    };
    const keeper = new ProcessGapKeeper({ store, clock, isNeeded: () => true, observe });
    store.serve(clock);
    const starting = keeper.start().then(
      () => true,
      () => false,
    );
    await clock.advance(1_000);
    if (!(await starting)) return;
    void keeper.run(stop.signal);
    this.#run = { keeper, weather, stop };
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

  async #crash(downMs: number): Promise<void> {
    this.#run?.stop.abort();
    this.#run = undefined;
    await this.#clock.jump(downMs);
  }
}

function overlaps(gaps: readonly Gap[]): readonly Gap[] {
  return gaps.filter((gap, index) => gap.from < (gaps[index - 1]?.until ?? 0));
}

test("no moment counts in two gaps, whatever stalls, fails and starts anew in between", async () => {
  let gaps = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { minLength: 3, maxLength: 25 }),
      fc.nat(),
      async (through, seed) => {
        const life = new Life(seed);
        await life.live(through);
        const kept = life.disk.image().gaps;
        gaps += kept.length;
        expect(overlaps(kept)).toEqual([]);
        expect(kept.filter(({ from, until }) => from > until)).toEqual([]);
        expect(new Set(life.told.map(({ number }) => number)).size).toBe(life.told.length);
      },
    ),
    { numRuns: byLength({ short: 150, long: 2_000 }) },
  );
  expect(gaps).toBeGreaterThan(100);
});
