import { describe, expect, it } from "vitest";

import { failedSeeds } from "./failed-seeds.ts";
import { judgeSeed } from "./judge-seed.ts";
import { commitSeed, seedAt } from "./seeds.ts";
import { simulate } from "./simulation.ts";
import { Tally } from "./tally.ts";

const seedsOfACommit = 200;

describe("the service, its clients and their troubles", () => {
  it("keeps every guarantee through the seeds of this commit, and meets all that can happen", async () => {
    const tally = new Tally();
    const base = commitSeed();
    for (let index = 0; index < seedsOfACommit; index += 1) {
      const verdict = await judgeSeed(seedAt(base, index));
      expect(verdict.failure).toBeUndefined();
      tally.addAll(verdict.tally);
    }
    expect(tally.missing).toEqual([]);
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
