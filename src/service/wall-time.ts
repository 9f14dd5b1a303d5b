import type { DurationMs, EpochMs } from "../core/time.ts";
import { type Clock, stepMs } from "./clock.ts";

/** Clocks that are read further apart than this are not compared: the process had to wait. */
const readMsMax: DurationMs = 20;

/**
 * Translates service time into the time that is told outside, which is wall time: the one place that
 * does. How far the two are apart is held steady, at nothing where they agree, until the wall clock
 * is really stepped. So an instant reads the same each time it is told, by whichever process, and
 * one answer never speaks by two clocks.
 */
export class WallTime {
  readonly #clock: Pick<Clock, "now" | "wall">;
  #aheadMs: DurationMs = 0;

  constructor(clock: Pick<Clock, "now" | "wall">) {
    this.#clock = clock;
  }

  /** How far wall time is ahead of service time, right to a tenth of a second. */
  get aheadMs(): DurationMs {
    const before = this.#clock.now();
    const aheadMs = this.#clock.wall() - before;
    const isMoved = Math.abs(aheadMs - this.#aheadMs) > stepMs;
    if (isMoved && this.#clock.now() - before <= readMsMax) this.#aheadMs = aheadMs;
    return this.#aheadMs;
  }

  toWall(at: EpochMs): EpochMs {
    return at + this.aheadMs;
  }
}
