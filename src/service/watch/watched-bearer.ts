import type { DurationMs, EpochMs } from "../../core/time.ts";
import { BearerEnded } from "../lease-service.ts";

/**
 * A reader is warned this long before its bearer ends, so that the next stream overlaps this one …
 */
const warnMs: DurationMs = 30_000;
/** … or at half of the remaining time, when the bearer ends sooner. */
const warnShare = 0.5;
/** A stream outlives its bearer by this grace, since the clocks of both may differ. */
const bearerGraceMs: DurationMs = 30_000;

/** The bearer that a stream was opened with. The stream outlives it only by a grace. */
export class WatchedBearer {
  readonly #endsAt: EpochMs;
  readonly #warnAt: EpochMs;
  #isWarned = false;
  /** It is time to warn the reader that its bearer ends. */
  isWarningDue = false;

  /** @param wall this moment, as `endsAt` in wall time */
  constructor(endsAt: EpochMs, wall: EpochMs) {
    this.#endsAt = endsAt;
    this.#warnAt = endsAt - Math.min(warnMs, (endsAt - wall) * warnShare);
  }

  /** Looks at the time; throws {@link BearerEnded} once the stream has to end. */
  check(wall: EpochMs): void {
    if (wall >= this.#endsAt + bearerGraceMs) throw new BearerEnded();
    if (this.#isWarned || wall < this.#warnAt) return;
    this.#isWarned = true;
    this.isWarningDue = true;
  }

  /** How long the bearer is still valid; the reader counts as warned. */
  warn(wall: EpochMs): DurationMs {
    this.isWarningDue = false;
    return Math.max(0, this.#endsAt - wall);
  }
}
