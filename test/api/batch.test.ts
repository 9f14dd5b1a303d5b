import { expect, test } from "vitest";

import { inTurns } from "../../src/api/call/batch.ts";

const numbers = Array.from({ length: 1000 }, (_, index) => index);

test("a batch of the largest size gives others their turns, and has its answers in order", async () => {
  let turns = 0;
  let isOver = false;
  const others = (): void => {
    turns += 1;
    if (!isOver) setImmediate(others);
  };
  setImmediate(others);
  const answers = inTurns(numbers, async (_number, index) => index * 2);
  expect(await answers).toEqual(numbers.map((number) => number * 2));
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(9);
});

test("work that fails while more is still being started rejects for the waiter of the batch", async () => {
  const began: number[] = [];
  const answers = inTurns(numbers, (number) => {
    began.push(number);
    return number === 0 ? Promise.reject(new Error("the first")) : Promise.resolve(number);
  });
  await expect(answers).rejects.toThrow("the first");
  expect(began).toEqual(numbers);
});
