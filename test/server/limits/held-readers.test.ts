import { expect, test } from "vitest";

import { type Reader, Readers } from "../../../src/server/connections/readers.ts";

interface Held extends Reader {
  letReadIn: number | undefined;
  holds: number;
}

function reader(network = "here"): Held {
  return {
    network,
    letReadIn: undefined,
    holds: 0,
    hold() {
      this.holds += 1;
    },
  };
}

test("whoever was let read in a turn is read in it, whatever others bring", () => {
  const readers = new Readers();
  const [busy, waited] = [reader(), reader()];
  readers.addNew(busy, 0);
  readers.addNew(waited, 0);
  waited.letReadIn = 7;
  readers.holdOthers(busy, 7, 0);
  expect(waited.holds).toBe(0);
  readers.holdOthers(busy, 8, 0);
  expect([busy.holds, waited.holds]).toEqual([0, 1]);
});

test("a new connection of another network is read, whatever one brings", () => {
  const readers = new Readers();
  const [busy, near, far] = [reader(), reader(), reader("there")];
  readers.addNew(near, 0);
  readers.addNew(far, 0);
  readers.holdOthers(busy, 1, 0);
  expect([near.holds, far.holds]).toEqual([1, 0]);
});

test("a connection is held for others while it is new", () => {
  const readers = new Readers();
  const [busy, young] = [reader(), reader()];
  readers.addNew(young, 0);
  for (const second of [1, 2, 3]) readers.holdOthers(busy, second, second);
  expect(young.holds).toBe(1);
});
