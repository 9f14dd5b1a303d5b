import { expect, test } from "vitest";

import { policyFaults } from "../../src/core/policy.ts";
import { byLength } from "../support/runs/test-length.ts";
import { reportOf, violationOf } from "./report.ts";
import { scenes } from "./scenes.ts";
import { smallPolicy } from "./small-policy.ts";
import { walk } from "./walk.ts";

/** From a larger scene, the states that take the fewest moves to come to: some are without end. */
const statesMax = byLength({ short: 10_000, long: 40_000 });

test("the small policy keeps every relation between its limits", () => {
  expect(policyFaults(smallPolicy)).toEqual([]);
});

test.each(scenes)("$name: every state keeps every promise", { timeout: 180_000 }, (scene) => {
  const walked = walk(scene, { statesMax });
  process.stdout.write(`${reportOf(walked)}\n`);
  expect(violationOf(walked)).toBe("");
  expect(walked.exhausted || walked.states >= statesMax).toBe(true);
});
