import { Counter, Gauge } from "prom-client";

import { type BudgetName, budgetTable } from "../../budget/budget-table.ts";
import type { Budgets } from "../../budget/budgets.ts";
import type { Metrics } from "./metrics.ts";

/** Shows, at each scrape, what every budget allows, what is in use, and what was refused. */
export function exposeBudgets({ registry }: Metrics, budgets: Budgets): void {
  const names = Object.keys(budgetTable) as BudgetName[];
  const common = { labelNames: ["budget"], registers: [registry] };
  new Gauge({
    ...common,
    name: "lease_budget_limit",
    help: "What a budget allows",
    collect() {
      for (const budget of names) this.set({ budget }, budgets.figures(budget).limit);
    },
  });
  new Gauge({
    ...common,
    name: "lease_budget_used",
    help: "What is taken from a budget now, over the whole process",
    collect() {
      for (const budget of names) this.set({ budget }, budgets.figures(budget).used);
    },
  });
  new Counter({
    ...common,
    name: "lease_budget_refusals_total",
    help: "Requests, messages, streams and connections refused because of a budget",
    collect() {
      this.reset();
      for (const budget of names) this.inc({ budget }, budgets.figures(budget).refused);
    },
  });
}
