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
  // Half of the answers are there at once.
  const answers = inTurns(numbers, (number, index) =>
    number % 2 === 0 ? index * 2 : Promise.resolve(index * 2),
  );
  expect(await answers).toEqual(numbers.map((number) => number * 2));
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(9);
});

test("a small batch of what is at hand is answered at once", () => {
  expect(inTurns([1, 2, 3], (number) => number + 1)).toEqual([2, 3, 4]);
});
