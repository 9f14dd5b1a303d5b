import type { Gap } from "../session.ts";
import type { EpochMs } from "../time.ts";

/** A stretch in which the service could receive nothing. */
export type Stretch = Pick<Gap, "from" | "until">;

/**
 * Shifts a timestamp past a gap, so that the gap does not count as age. A timestamp within the gap
 * moves to its end.
 */
export function afterGap(moment: EpochMs, { from, until }: Stretch): EpochMs {
  return Math.max(moment, Math.min(moment + until - from, until));
}

/** The same for all gaps that ended later, in their order. */
export function afterGaps(moment: EpochMs, gaps: readonly Stretch[]): EpochMs {
  const first = gaps.findLastIndex(({ until }) => until <= moment) + 1;
  return gaps.slice(first).reduce(afterGap, moment);
}
