import type { Gap } from "../session.ts";
import type { EpochMs } from "../time.ts";

/** When nobody could be heard. */
export type Stretch = Pick<Gap, "from" | "until">;

/**
 * From when something of `moment` ages that a gap has followed: later by the gap's length, since
 * nothing ages while nobody can be heard. What came after the gap had begun ages from its end.
 */
export function afterGap(moment: EpochMs, { from, until }: Stretch): EpochMs {
  return Math.max(moment, Math.min(moment + until - from, until));
}

/** The same after all gaps that ended later, in the order in which they were. */
export function afterGaps(moment: EpochMs, gaps: readonly Stretch[]): EpochMs {
  const first = gaps.findLastIndex(({ until }) => until <= moment) + 1;
  return gaps.slice(first).reduce(afterGap, moment);
}
