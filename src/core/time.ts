/**
 * Service time in milliseconds since the epoch: the wall clock read once at start, then the
 * monotonic clock and what the machine slept, never below the last recorded moment. Never compare
 * it with `Date.now()`: moments that leave the service are translated to the wall clock.
 */
export type EpochMs = number;

/** A length of time in milliseconds. */
export type DurationMs = number;

/** How far an earlier clock may have been ahead of this one. */
export const aheadMsMax: DurationMs = 24 * 60 * 60 * 1000;

/** The later of two moments that may not exist. */
export function latest(a: EpochMs | undefined, b: EpochMs | undefined): EpochMs | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a > b ? a : b;
}

/** The earlier of two moments that may not exist. */
export function earliest(a: EpochMs | undefined, b: EpochMs | undefined): EpochMs | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a < b ? a : b;
}
