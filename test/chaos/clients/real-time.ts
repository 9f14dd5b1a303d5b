import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { Time } from "../../simulation/world.ts";

/** The time of this machine, in whole milliseconds, until it is stopped. */
export class RealTime implements Time {
  readonly #timers = new Set<NodeJS.Timeout>();
  #isStopped = false;

  /** Runs evenly from the wall clock as it was when this process began. */
  get now(): EpochMs {
    return Math.floor(performance.timeOrigin + performance.now());
  }

  after(duration: DurationMs, action: () => void): void {
    if (this.#isStopped) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        action();
      },
      Math.max(0, duration),
    );
    this.#timers.add(timer);
  }

  sleep(duration: DurationMs): Promise<void> {
    return new Promise((resolve) => this.after(duration, resolve));
  }

  /** Nothing that waits goes on any more: whoever lives in this time is gone. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
