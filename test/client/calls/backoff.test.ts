import { expect, test } from "vitest";

import { createBackoff } from "../../../src/client/index.ts";

const even = { baseMs: 100, maxMs: 1_000, spread: 0.2, random: () => 0.5 };

test("delays double up to the longest, and start over after a success", () => {
  const backoff = createBackoff(even);
  const delays = [1, 2, 3, 4, 5, 6].map(() => backoff.nextMs());
  expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  backoff.reset();
  expect(backoff.nextMs()).toBe(100);
});

test("delays are spread both ways", () => {
  expect(createBackoff({ ...even, random: () => 0 }).nextMs()).toBe(80);
  expect(createBackoff({ ...even, random: () => 0.999999 }).nextMs()).toBeCloseTo(120, 2);
});
