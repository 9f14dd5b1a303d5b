import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Clock } from "../../../src/service/time/clock.ts";
import type { Timeline } from "../timeline.ts";

/** One run of a program: it can stand still for a while, and it can die. */
export class Process {
  readonly #timeline: Timeline;
  #isAlive = true;
  #stalledUntil: EpochMs = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  die(): void {
    this.#isAlive = false;
  }

  /** The loop stands still: timers and messages wait until it turns again. */
  stall(duration: DurationMs): void {
    this.#stalledUntil = this.#timeline.now + duration;
  }

  /** Runs something now, or when the loop turns again; never once the process has died. */
  enter(action: () => void): void {
    if (!this.#isAlive) return;
    if (this.#timeline.now >= this.#stalledUntil) action();
    else this.#timeline.at(this.#stalledUntil, () => this.enter(action));
  }

  /** Resolves when the time is over and the loop turns. In a process that died, never. */
  pause(duration: DurationMs): Promise<void> {
    return new Promise((resolve) => this.#timeline.after(duration, () => this.enter(resolve)));
  }
}

/** The clock of a process: service time runs evenly from where it began, whatever the wall does. */
export function processClock(
  process: Process,
  timeline: Timeline,
  { startsAt, wall }: { readonly startsAt: EpochMs; readonly wall: () => EpochMs },
): Clock {
  const aheadMs = startsAt - timeline.now;
  return {
    now: () => timeline.now + aheadMs,
    wall,
    jumps: () => ({ [Symbol.dispose]: () => undefined }),
    sleep: (duration, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const wake = (): void => {
          signal.removeEventListener("abort", wake);
          resolve();
        };
        signal.addEventListener("abort", wake);
        // No timer of a process is shorter than a millisecond.
        timeline.after(Math.max(1, duration), () => process.enter(wake));
      }),
  };
}
