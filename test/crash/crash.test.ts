import { expect, test } from "vitest";

import { commitSeed } from "../support/runs/seeds.ts";
import { byLength } from "../support/runs/test-length.ts";
import { type CrashRun, crashRuns } from "./crash-runs.ts";
import { CrashTotals, describeLost, lineOf } from "./report.ts";

/** Longer than a negotiation may take. */
const longAwayMs = 20_000;
const runs = byLength({ short: 2, long: 10 });

test("Durable: every answered fact survives kill -9 under load", async () => {
  const seed = commitSeed();
  const totals = new CrashTotals();
  let last: CrashRun | undefined;
  for await (const run of crashRuns(runs, seed, longAwayMs)) {
    totals.add(run);
    process.stdout.write(`${lineOf(totals.runs, run)}\n`);
    expect(run.lost.length === 0 ? "" : describeLost(seed, run)).toBe("");
    last = run;
  }
  process.stdout.write(`seed ${seed}, ${totals}\n`);
  expect(totals.isHard).toBe(true);
  expect(last?.awayMs).toBeGreaterThanOrEqual(longAwayMs);
  expect(last?.negotiationsInFlight).toBeGreaterThan(0);
}, 240_000);
