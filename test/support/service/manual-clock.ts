import { vi } from "vitest";

import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import { type Clock, machineClock, type SystemClock } from "../../../src/service/time/clock.ts";

interface Sleeper {
  /** By the monotonic clock, as timers are. */
  readonly at: DurationMs;
  readonly wake: () => void;
}

/** The clock of a machine whose clocks move only by hand. */
export interface ManualClock extends SystemClock {
  /** How many wait for a later moment. */
  readonly sleeping: number;
  /** Moves on, waking sleepers in order of time and letting each do its work before the next. */
  advance(duration: DurationMs): Promise<void>;
  /** Moves on at once, as when the process was stopped: sleepers wake late. */
  jump(duration: DurationMs): Promise<void>;
  /** Sets the wall clock, and no other: forward, or back where it is negative. */
  stepWall(by: DurationMs): void;
  /** The machine sleeps: no timer moves on, and the monotonic clock does not either. */
  suspend(duration: DurationMs): Promise<void>;
}

/** Lets everything that is ready run, through promises and I/O callbacks alike. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export function manualClock(start: EpochMs = 1_000_000): ManualClock {
  let monotonic = 0;
  let wallAhead = start;
  let bootAhead = 12_345;
  const sleepers = new Set<Sleeper>();
  const wakeDue = async (): Promise<void> => {
    for (const sleeper of [...sleepers].sort((a, b) => a.at - b.at)) {
      if (sleeper.at <= monotonic) sleeper.wake();
    }
    await settle();
  };
  const sleep: Clock["sleep"] = (duration, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = (): void => {
        sleepers.delete(sleeper);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper: Sleeper = { at: monotonic + duration, wake };
      sleepers.add(sleeper);
      signal.addEventListener("abort", wake, { once: true });
    });
  const machine = {
    wall: () => wallAhead + monotonic,
    monotonic: () => monotonic,
    boot: () => bootAhead + monotonic,
  };
  const clock = machineClock(machine, sleep);
  return {
    get sleeping() {
      return sleepers.size;
    },
    now: () => clock.now(),
    wall: () => clock.wall(),
    sleep,
    jumps: (listener) => clock.jumps(listener),
    beginAt: (notBefore) => clock.beginAt(notBefore),
    async advance(duration) {
      const end = monotonic + duration;
      await settle();
      for (;;) {
        const next = Math.min(...[...sleepers].map((sleeper) => sleeper.at));
        if (next > end) break;
        monotonic = Math.max(monotonic, next);
        await wakeDue();
      }
      monotonic = end;
      await settle();
    },
    async jump(duration) {
      monotonic += duration;
      await wakeDue();
    },
    stepWall(by) {
      wallAhead += by;
    },
    async suspend(duration) {
      wallAhead += duration;
      bootAhead += duration;
      await wakeDue();
    },
  };
}

/**
 * Moves on to `until` in small steps, each once somebody sleeps who tries something again and again
 * in another thread, where no clock of ours is known. Ends early when nobody sleeps any more.
 */
export async function advanceByTries(
  clock: ManualClock,
  until: EpochMs,
  isOver: () => boolean,
): Promise<void> {
  const hasTried = (): Promise<unknown> =>
    vi.waitUntil(() => clock.sleeping > 0 || isOver(), { interval: 1, timeout: 30_000 });
  for (await hasTried(); clock.now() < until && !isOver(); await hasTried()) {
    await clock.advance(Math.min(50, until - clock.now()));
  }
}
