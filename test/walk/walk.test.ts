import { expect, test } from "vitest";

import { policyFaults } from "../../src/core/policy.ts";
import { reportOf, violationOf } from "./report.ts";
import { scenes } from "./scenes.ts";
import { smallPolicy } from "./small-policy.ts";
import { walk } from "./walk.ts";

test("the small policy keeps every relation between its limits", () => {
  expect(policyFaults(smallPolicy)).toEqual([]);
});

test.each(scenes)("every state of $name keeps every promise", { timeout: 180_000 }, (scene) => {
  const walked = walk(scene);
  process.stdout.write(`${reportOf(walked)}\n`);
  expect(violationOf(walked)).toBe("");
  expect(walked.exhausted).toBe(true);
});
