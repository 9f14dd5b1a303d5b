import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { ResetBudget } from "../../../src/server/http2/reset-budget.ts";

test.each([
  ["2001:db8::1", "2001:db8:0:0:ffff::2"],
  ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1::"],
  ["::1", "::2"],
])("%s and %s are one address where resets are counted", (first, second) => {
  const resets = spentBy(first);
  expect(resets.admits(second)).toBe(false);
  expect(resets.count(second)).toBe(false);
});

test.each([
  ["2001:db8::1", "2001:db8:0:1::1"],
  ["192.0.2.1", "192.0.2.2"],
  ["::ffff:192.0.2.1", "::ffff:192.0.2.2"],
])("%s and %s are two", (first, second) => {
  const resets = spentBy(first);
  expect(resets.admits(first)).toBe(false);
  expect(resets.admits(second)).toBe(true);
  expect(resets.count(second)).toBe(true);
});

test("a reset that comes with its stream counts as eight", () => {
  const resets = new ResetBudget(new Budgets({ address_resets: 20 }));
  expect(resets.countRapid("192.0.2.1")).toBe(true);
  expect(resets.countRapid("192.0.2.1")).toBe(true);
  expect(resets.countRapid("192.0.2.1")).toBe(false);
});

function spentBy(address: string): ResetBudget {
  const resets = new ResetBudget(new Budgets({ address_resets: 20 }));
  while (resets.count(address));
  return resets;
}
