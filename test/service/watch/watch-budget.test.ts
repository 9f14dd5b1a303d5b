import { describe, expect, it } from "vitest";

import { type BudgetLimits, Budgets } from "../../../src/budget/budgets.ts";
import { WatchBudget } from "../../../src/service/watch/watch-budget.ts";
import { settle } from "../../support/service/manual-clock.ts";
import { attach, serviceUnderTest } from "../../support/service/session-service.ts";
import { named, wholeBeach } from "../../support/service/watching.ts";
import { openSink } from "./watch-sink.ts";

const oneConnection = {};

describe("what watches may remember together", () => {
  it("is bounded in streams", () => {
    const { budget, used } = budgetOf({ watch_streams: 2 });
    const first = budget.admit(1, undefined);
    budget.admit(1, undefined);
    expect(() => budget.admit(1, undefined)).toThrow("watch_streams");
    first.release();
    budget.admit(1, undefined);
    expect(used("watch_streams")).toBe(2);
  });

  it("is bounded in names, of which a refused watch takes none", () => {
    const { budget, used } = budgetOf({ watched_names: 1_000 });
    const first = budget.admit(700, undefined);
    expect(() => budget.admit(301, undefined)).toThrow("watched_names");
    expect([used("watched_names"), used("watch_streams")]).toEqual([700, 1]);
    first.release();
    expect([used("watched_names"), used("watch_streams")]).toEqual([0, 0]);
  });

  it("has a last fifth that watches with many names leave to the others", () => {
    const { budget } = budgetOf({ watched_names: 1_000 });
    budget.admit(790, undefined);
    expect(() => budget.admit(101, undefined)).toThrow("watched_names");
    budget.admit(100, undefined);
    budget.admit(100, undefined);
    expect(() => budget.admit(100, undefined)).toThrow("watched_names");
  });

  it("is bounded for each connection", () => {
    const { budget } = budgetOf({ connection_watched_names: 100 });
    const first = budget.admit(60, oneConnection);
    expect(() => budget.admit(60, oneConnection)).toThrow("connection_watched_names");
    budget.admit(60, {});
    budget.admit(60, undefined);
    first.release();
    budget.admit(100, oneConnection);
  });
});

describe("a watch stream", () => {
  it("takes its names and known versions, and gives them back when its reader leaves", async () => {
    const budgets = new Budgets();
    await using under = await serviceUnderTest({ budgets });
    const used = (): number => budgets.figures("watched_names").used;
    const knownVersions = new Map([
      ["s1", 1],
      ["s2", 2],
    ]);
    const reader = openSink(under.service, { ...named("s1", "s2", "s3"), knownVersions });
    expect(used()).toBe(5);
    await settle();
    expect(used()).toBe(3);
    reader.leave();
    expect(used()).toBe(0);
  });

  it("of a private beach is refused when the beach has more sessions than there is room for", async () => {
    const budgets = new Budgets({ watched_names: 3 });
    await using under = await serviceUnderTest({ budgets });
    for (const id of ["s1", "s2", "s3"]) await under.service.execute(id, attach);
    const reader = openSink(under.service, wholeBeach(attach.beachId, []));
    await settle();
    expect(budgets.figures("watched_names").used).toBe(3);
    await under.service.execute("s4", attach);
    expect(await reader.ended).toMatchObject({ name: "BudgetSpent", budget: "watched_names" });
    expect(budgets.figures("watched_names").used).toBe(0);
  });

  it("of a private beach remembers none of the sessions that come and go", async () => {
    const budgets = new Budgets();
    await using under = await serviceUnderTest({ budgets });
    const reader = openSink(under.service, wholeBeach(attach.beachId, []));
    for (let round = 0; round < 500; round++) {
      await under.service.execute(`s${round}`, attach);
      await settle();
      await under.service.execute(`s${round}`, { kind: "Detach", reason: "over" });
      await settle();
    }
    expect(reader.messages.length).toBeGreaterThan(500);
    expect(budgets.figures("watched_names").used).toBe(0);
    reader.leave();
  });
});

function budgetOf(limits: BudgetLimits): {
  readonly budget: WatchBudget;
  readonly used: (name: keyof BudgetLimits) => number;
} {
  const budgets = new Budgets(limits);
  return { budget: new WatchBudget(budgets), used: (name) => budgets.figures(name).used };
}
