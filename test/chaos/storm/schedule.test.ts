import { describe, expect, it } from "vitest";

import { Random } from "../../support/runs/random.ts";
import { drawSchedule, type Strike, strikeNames } from "./schedule.ts";

function drawn(seed: number, minutes: number): readonly Strike[] {
  return drawSchedule(new Random(seed), { durationMs: minutes * 60_000, replicas: 3 });
}

describe("what strikes when", () => {
  it("is the same for the same seed, and a longer run begins as a shorter one", () => {
    const [short, long] = [drawn(7, 2), drawn(7, 20)];
    expect(long.slice(0, short.length)).toEqual(short);
    expect(drawn(8, 2)).not.toEqual(short);
  });

  it("has struck everything once before anything comes again", () => {
    const names = drawn(7, 20).map(({ name }) => name);
    const kinds = strikeNames.length;
    expect(new Set(names.slice(0, kinds)).size).toBe(kinds);
    expect(new Set(names.slice(kinds, 2 * kinds)).size).toBe(kinds);
  });

  it("leaves now and then the time for everything to come to rest", () => {
    const moments = drawn(7, 20).map(({ at }) => at);
    const pauses = moments.slice(1).map((at, index) => at - (moments[index] as number));
    expect(Math.max(...pauses)).toBeGreaterThanOrEqual(40_000);
    expect(Math.min(...pauses)).toBeLessThan(2_000);
  });
});
