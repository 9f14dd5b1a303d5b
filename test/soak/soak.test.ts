import { describe, expect, test } from "vitest";

import { chartOf } from "./chart.ts";
import { isSound, progressOf, reportOf } from "./report.ts";
import { type Measure, measures, type Sample } from "./sample.ts";
import { soak } from "./soak.ts";
import { regression, trendsOf } from "./verdict.ts";

/** Samples ten seconds apart; each measure is 50 but for what `of` gives it. */
function samplesWith(
  count: number,
  of: (at: number) => Partial<Record<Measure, number>>,
): Sample[] {
  const still = Object.fromEntries(Object.keys(measures).map((measure) => [measure, 50]));
  return Array.from({ length: count }, (_, index) => {
    const at = index * 10;
    return { ...(still as Record<Measure, number>), ...of(at), at };
  });
}

function leaksIn(samples: readonly Sample[]): readonly Measure[] {
  return trendsOf(samples)
    .filter(({ isFlat }) => !isFlat)
    .map(({ measure }) => measure);
}

describe("the verdict", () => {
  test("is flat where nothing grows, or only noise does", () => {
    expect(leaksIn(samplesWith(180, () => ({})))).toEqual([]);
    const noisy = samplesWith(180, (at) => ({
      resident: 150 + 20 * Math.sin(at),
      handles: 50 + 10 * Math.sin(at / 7),
    }));
    expect(leaksIn(noisy)).toEqual([]);
  });

  test("is flat where something fills up in the first half and stays", () => {
    const filling = samplesWith(180, (at) => ({ heap: Math.min(40 + at / 50, 58) }));
    expect(leaksIn(filling)).toEqual([]);
  });

  test.each<[measure: Measure, growthPerSecond: number]>([
    ["heap", 0.002],
    ["resident", 0.02],
    ["descriptors", 0.006],
    ["timers", 0.01],
  ])("is not flat where %s grows by %d a second", (measure, growth) => {
    const growing = samplesWith(180, (at) => ({ [measure]: 50 + growth * at + Math.sin(at) / 5 }));
    expect(leaksIn(growing)).toEqual([measure]);
  });

  test("is none where there are too few samples", () => {
    expect(trendsOf(samplesWith(7, () => ({})))).toEqual([]);
    expect(isSound([])).toBe(false);
  });

  test("goes by the line of least squares", () => {
    const points = [1, 2, 3, 4].map((x) => ({ x, y: 3 * x - 1 }));
    expect(regression(points)).toEqual({ mean: 6.5, slope: 3, error: 0 });
  });
});

test("a service that leaks is found out under the load of a short soak", async () => {
  const lines: string[] = [];
  const ending = new AbortController();
  const soaked = await soak({
    minutes: 2,
    sessions: 6,
    sampleEveryMs: 300,
    seed: 1,
    signal: ending.signal,
    preload: new URL("planted-leak.ts", import.meta.url).href,
    // As Ctrl-C does.
    onSample: (sample) => {
      if (lines.push(progressOf(sample)) === 12) ending.abort();
    },
  });
  const trends = trendsOf(soaked.samples);
  const leaks = trends.filter(({ isFlat }) => !isFlat).map(({ measure }) => measure);
  expect(leaks).toEqual(expect.arrayContaining(["heap", "descriptors", "timers"]));
  expect(isSound(trends)).toBe(false);
  expect(reportOf(soaked, trends)).toMatch(/heap after a collection .*NOT FLAT[\s\S]*\nNOT FLAT$/);
  expect(chartOf(soaked.samples, trends)).toMatch(
    /^<svg [\s\S]*allowed: NOT FLAT[\s\S]*<\/svg>\n$/,
  );
  expect(lines).toHaveLength(soaked.samples.length);
  expect(soaked.exitCode).toBe(0);
  // The load has reached the service, over each of its ways.
  expect(soaked.samples.at(-1)).toMatchObject({ sessions: 6 });
  expect(soaked.done.get("tile acquired")).toBeGreaterThan(0);
  expect(soaked.done.get("old route 200")).toBeGreaterThan(0);
});
