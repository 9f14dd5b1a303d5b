import type { Gap } from "../../core/session.ts";

/** A gap of one bucket. */
export interface BucketGap {
  readonly bucket: number;
  readonly gap: Gap;
}

/** Gaps of one kind that overlap, as one. */
interface Stretch {
  /** From the first beginning to the last end; the number is that of the gap that began first. */
  gap: Gap;
  readonly buckets: Set<number>;
}

/** What the gaps are together: each lies in one stretch, in order of their beginnings. */
export function stretchesOf(gaps: readonly BucketGap[]): readonly Readonly<Stretch>[] {
  const stretches: Stretch[] = [];
  for (const { bucket, gap } of gaps.toSorted((a, b) => a.gap.from - b.gap.from)) {
    const before = stretches.findLast((stretch) => stretch.gap.kind === gap.kind);
    if (before !== undefined && gap.from < before.gap.until) {
      before.gap = { ...before.gap, until: Math.max(before.gap.until, gap.until) };
      before.buckets.add(bucket);
    } else {
      stretches.push({ gap, buckets: new Set([bucket]) });
    }
  }
  return stretches;
}
