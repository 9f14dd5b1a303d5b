import { expect, test } from "vitest";

import { Turns } from "../../src/service/time/turns.ts";

/** A work of so many steps, which notes each of them. */
function work(name: string, steps: number, done: string[]): () => boolean {
  let left = steps;
  return () => {
    done.push(name);
    left -= 1;
    return left > 0;
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("work that fits in the turn is done at once", () => {
  const done: string[] = [];
  new Turns(10).add(work("a", 10, done));
  expect(done).toHaveLength(10);
});

test("work that does not fit is done in later turns, a bounded part in each", async () => {
  const done: string[] = [];
  const turns = new Turns(10);
  turns.add(work("a", 25, done));
  turns.add(work("b", 1, done));
  expect(done).toHaveLength(10);
  await nextTurn();
  expect(done).toHaveLength(20);
  await nextTurn();
  expect(done).toHaveLength(26);
});

test("works that wait are worked on by turns: a short one is not held up by a long one", async () => {
  const done: string[] = [];
  const turns = new Turns(1000);
  turns.add(work("long", 100_000, done));
  turns.add(work("short", 10, done));
  await nextTurn();
  expect(done.filter((name) => name === "short")).toHaveLength(10);
  expect(done).toHaveLength(2000);
});

test("room is made in order, and counts for as much as was asked", async () => {
  const turns = new Turns(10);
  const entered: number[] = [];
  const enter = async (number: number): Promise<void> => {
    await turns.room(6);
    entered.push(number);
  };
  const all = [1, 2, 3, 4, 5].map(enter);
  await Promise.resolve();
  await Promise.resolve();
  expect(entered).toEqual([1, 2]);
  await Promise.all(all);
  expect(entered).toEqual([1, 2, 3, 4, 5]);
});
