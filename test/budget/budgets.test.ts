import { describe, expect, test } from "vitest";

import { budgetTable } from "../../src/budget/budget-table.ts";
import { Budgets } from "../../src/budget/budgets.ts";
import { runService } from "../support/process/run-service.ts";

describe("a budget", () => {
  test("grants up to its limit, and again what was returned", () => {
    const budgets = new Budgets({ message_bytes: 10 });
    const held = budgets.shared("message_bytes");
    expect([held.take(6), held.take(5), held.take(4), held.take()]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    held.giveBack(4);
    expect(held.take(4)).toBe(true);
    expect(budgets.figures("message_bytes")).toEqual({ limit: 10, used: 10, refused: 2 });
  });

  test("is one for the process, or one for each", () => {
    const budgets = new Budgets({ message_bytes: 1 });
    expect(budgets.shared("message_bytes")).toBe(budgets.shared("message_bytes"));
    const [one, other] = [budgets.each("message_bytes"), budgets.each("message_bytes")];
    expect([one.take(), one.take(), other.take()]).toEqual([true, false, true]);
    expect(budgets.figures("message_bytes")).toEqual({ limit: 1, used: 2, refused: 1 });
  });

  test("counts what is only measured by it", () => {
    const budgets = new Budgets({ message_bytes: 3 });
    expect([budgets.allows("message_bytes", 3), budgets.allows("message_bytes", 4)]).toEqual([
      true,
      false,
    ]);
    expect(budgets.figures("message_bytes")).toEqual({ limit: 3, used: 0, refused: 1 });
  });
});

test("every budget shows its limit, its use and its refusals", async () => {
  await using service = await runService();
  const text = await (await fetch(service.opsUrl("/metrics"))).text();
  for (const [name, { limit }] of Object.entries(budgetTable)) {
    expect(text).toContain(`lease_budget_limit{budget="${name}"} ${limit}\n`);
    expect(text).toContain(`lease_budget_used{budget="${name}"} 0\n`);
    expect(text).toContain(`lease_budget_refusals_total{budget="${name}"} 0\n`);
  }
});
