import { expect, test } from "vitest";

import { runFanOut, runMixed } from "./size-run.ts";

test("one change reaches 2,000 streams, each of which costs little while it is idle", async () => {
  const { wrong, bytesPerStream } = await runFanOut(2_000, "gRPC");
  expect(wrong).toBe(0);
  expect(bytesPerStream).toBeLessThan(40_000);
}, 240_000);

test("readers that do not read cost the same after 5,000 changes, and all end with the truth", async () => {
  const changes = 5_000;
  const mixed = await runMixed({
    idle: 1_000,
    fast: 4,
    slow: 20,
    stalled: 400,
    changes,
    durationMs: 0,
  });
  expect(mixed.wrong).toEqual({ fast: 0, slow: 0, stalled: 0 });
  expect(mixed.leastMerged).toBeGreaterThan(changes / 2);
  // A bare reference for each of the later changes and stalled readers would be 13 MB.
  expect(mixed.late.heap - mixed.early.heap).toBeLessThan(6_000_000);
}, 240_000);
