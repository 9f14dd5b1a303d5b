import { describe, expect, it } from "vitest";
import { commitSeed, seedAt } from "../support/runs/seeds.ts";
import { byLength, testLength } from "../support/runs/test-length.ts";
import { failedSeeds } from "./failed-seeds.ts";
import { judgeSeed } from "./judging/judge-seed.ts";
import { completeFromSeeds, Tally } from "./seen/tally.ts";
import { simulate } from "./simulation.ts";

const seedsOfACommit = byLength({ short: 50, long: 200 });

describe("the service, its clients and their troubles", () => {
  it(`keeps every guarantee through ${seedsOfACommit} seeds or more of this commit`, async () => {
    const tally = new Tally();
    const base = commitSeed();
    // In a few days not everything comes to pass: the long form lives on until it has.
    const isComplete = () => testLength === "short" || tally.missing.length === 0;
    for (let index = 0; index < completeFromSeeds; index += 1) {
      if (index >= seedsOfACommit && isComplete()) break;
      const verdict = await judgeSeed(seedAt(base, index));
      expect(verdict.failure).toBeUndefined();
      tally.addAll(verdict.tally);
    }
    if (testLength === "long") expect(tally.missing).toEqual([]);
  }, 600_000);

  it("keeps every guarantee through each seed that ever failed", async () => {
    for (const seed of failedSeeds) {
      const verdict = await judgeSeed(seed);
      expect(verdict.failure).toBeUndefined();
    }
  }, 300_000);

  it("lives through the same days for the same seed", async () => {
    const [once, again] = [await simulate(7), await simulate(7)];
    expect(JSON.stringify(again.sights)).toBe(JSON.stringify(once.sights));
  });
});
