import type { DurationMs, EpochMs } from "../../core/time.ts";
import { type Clock, stepMs } from "./clock.ts";

/** Clocks read further apart than this are not compared: the process was interrupted. */
const readMsMax: DurationMs = 20;

/**
 * Translates service time into wall time for everything that leaves the service; nothing else does.
 * The difference stays fixed, at zero where the two agree, until the wall clock is really stepped.
 * So an instant reads the same in every answer of every process, and one answer never uses two
 * clocks.
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
