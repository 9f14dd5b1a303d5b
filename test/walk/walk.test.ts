import { expect, test } from "vitest";

import { policyFaults } from "../../src/core/policy.ts";
import { testLength } from "../support/runs/test-length.ts";
import { reportOf, violationOf } from "./report.ts";
import { scenes } from "./scenes.ts";
import { smallPolicy } from "./small-policy.ts";
import { walk } from "./walk.ts";

/** In the short form, the states that take the fewest moves to come to. */
const limits = testLength === "short" ? { statesMax: 10_000 } : {};

test("the small policy keeps every relation between its limits", () => {
  expect(policyFaults(smallPolicy)).toEqual([]);
});

test.each(scenes)("$name: every state keeps every promise", { timeout: 180_000 }, (scene) => {
  const walked = walk(scene, limits);
  process.stdout.write(`${reportOf(walked)}\n`);
  expect(violationOf(walked)).toBe("");
  const isShort = walked.states >= (limits.statesMax ?? Number.POSITIVE_INFINITY);
  expect(walked.exhausted || isShort, "the scene was cut off").toBe(true);
});
