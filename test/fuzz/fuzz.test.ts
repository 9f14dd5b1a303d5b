import { randomInt } from "node:crypto";

import { expect, test } from "vitest";

import { byLength } from "../support/runs/test-length.ts";
import { fuzz } from "./fuzz.ts";

const seconds = byLength({ short: 3, long: 60 });

test("a service that is sent anything answers in its own words, and goes on", async () => {
  const seed = randomInt(1_000_000_000);
  const { faults, sent } = await fuzz({
    seconds,
    seed,
    idleConnections: 500,
    say: () => undefined,
  });
  expect(faults, `npm run fuzz -- --seed ${seed} --seconds ${seconds}`).toEqual([]);
  expect(sent).toBeGreaterThan(100);
}, 240_000);
