import type { DurationMs, EpochMs } from "../../core/time.ts";

const buckets = 60;

/** Counts what happened within the last `spanMs`, to a sixtieth of it. */
export class RateWindow {
  readonly #bucketMs: DurationMs;
  readonly #counts = new Uint32Array(buckets);
  #newest = 0;

  constructor(spanMs: DurationMs) {
    this.#bucketMs = spanMs / buckets;
  }

  add(now: EpochMs, count = 1): void {
    const bucket = this.#advance(now);
    this.#counts[bucket % buckets] = (this.#counts[bucket % buckets] ?? 0) + count;
  }

  total(now: EpochMs): number {
    this.#advance(now);
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** Empties the buckets that lie between the newest one and now. */
  #advance(now: EpochMs): number {
    const bucket = Math.max(this.#newest, Math.floor(now / this.#bucketMs));
    const stale = Math.min(bucket - this.#newest, buckets);
    for (let step = 0; step < stale; step++) this.#counts[(bucket - step) % buckets] = 0;
    this.#newest = bucket;
    return bucket;
  }
}
