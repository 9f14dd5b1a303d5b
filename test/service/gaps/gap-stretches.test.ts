import { describe, expect, test } from "vitest";

import type { Gap } from "../../../src/core/session.ts";
import { type BucketGap, stretchesOf } from "../../../src/service/gaps/gap-stretches.ts";

function struck(bucket: number, from: number, until: number, kind: Gap["kind"] = "absence") {
  return { bucket, gap: { number: 10 + bucket, from, until, kind } } as const;
}

/** How many buckets, from when until when, and which number. */
function shown(...gaps: readonly BucketGap[]) {
  return stretchesOf(gaps).map(({ gap, buckets }) => {
    return [buckets.size, gap.from, gap.until, gap.kind, gap.number];
  });
}

describe("gaps of several buckets", () => {
  test("that overlap are one from the first beginning to the last end", () => {
    expect(shown(struck(3, 20, 90), struck(1, 10, 50), struck(2, 30, 40))).toEqual([
      [3, 10, 90, "absence", 11],
    ]);
    expect(shown(struck(1, 10, 50), struck(2, 40, 80), struck(3, 70, 90))).toEqual([
      [3, 10, 90, "absence", 11],
    ]);
  });

  test("that only touch, or lie apart, are several", () => {
    expect(shown(struck(1, 60, 70), struck(2, 20, 30), struck(3, 10, 20))).toEqual([
      [1, 10, 20, "absence", 13],
      [1, 20, 30, "absence", 12],
      [1, 60, 70, "absence", 11],
    ]);
  });

  test("of different kinds are kept apart, also where they overlap", () => {
    const mixed = [struck(1, 10, 50), struck(2, 15, 60, "stall"), struck(3, 20, 40)];
    expect(shown(...mixed, struck(4, 55, 70, "stall"))).toEqual([
      [2, 10, 50, "absence", 11],
      [2, 15, 70, "stall", 12],
    ]);
  });

  test("count a bucket once that was concerned twice meanwhile", () => {
    expect(shown(struck(1, 10, 90), struck(2, 20, 30), struck(2, 40, 50))).toEqual([
      [2, 10, 90, "absence", 11],
    ]);
  });

  test("are none where there are none", () => {
    expect(shown()).toEqual([]);
  });
});
