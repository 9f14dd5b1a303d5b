import { setImmediate as turn } from "node:timers/promises";

import { expect, test } from "vitest";

import { Budgets } from "../../src/budget/budgets.ts";
import { FairQueue } from "../../src/budget/fair-queue.ts";
import { Places } from "../../src/budget/places.ts";

test("a task with much waiting work takes turns with the others, each in order", () => {
  const queue = new FairQueue<string>();
  const [busy, calm] = [{}, {}];
  for (const item of ["b1", "b2", "b3"]) queue.push(busy, item);
  queue.push(calm, "c1");
  expect(queue.shift()).toBe("b1");
  queue.push(calm, "c2");
  expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([
    "c1",
    "b2",
    "c2",
    "b3",
  ]);
  expect([queue.shift(), queue.isEmpty]).toEqual([undefined, true]);
});

test("work waits for a place, and takes one freed by success or by failure", async () => {
  const places = new Places(new Budgets({ pages_made_at_once: 2 }), "pages_made_at_once");
  const begun: number[] = [];
  const settle: ((how: "done" | "failed") => void)[] = [];
  const works = Array.from({ length: 4 }, (_, index) =>
    places.at({}, () => {
      begun.push(index);
      return new Promise<number>((resolve, reject) =>
        settle.push((how) => (how === "done" ? resolve(index) : reject(new Error("failed")))),
      );
    }),
  );
  await turn();
  expect(begun).toEqual([0, 1]);
  settle[0]?.("done");
  settle[1]?.("failed");
  await expect(works[1]).rejects.toThrow("failed");
  await turn();
  expect(begun).toEqual([0, 1, 2, 3]);
  settle[2]?.("done");
  settle[3]?.("done");
  expect(await Promise.all([works[0], works[2], works[3]])).toEqual([0, 2, 3]);
});
