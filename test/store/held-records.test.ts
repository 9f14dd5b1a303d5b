import { expect, test } from "vitest";

import type { SessionRecord } from "../../src/core/session.ts";
import { encodeRecord } from "../../src/store/codec/session-codec.ts";
import { type Held, HeldRecords } from "../../src/store/held-records.ts";
import { busySession, tombstoneRecord } from "../support/store/store-records.ts";

const decodedMax = 3;

/** Each record as a store has just committed it. */
function hold(records: HeldRecords, all: readonly SessionRecord[]): readonly Held[] {
  return all.map((record) => {
    const held: Held = { record: undefined, text: undefined, isInUse: false };
    records.replace(held, record, undefined);
    return held;
  });
}

function sessions(count: number): readonly SessionRecord[] {
  return Array.from({ length: count }, (_, index) => busySession({ id: `session-${index}` }));
}

test("no more than so many records are held decoded, and all stay what they were", () => {
  const records = new HeldRecords(decodedMax);
  const all = [...sessions(20), tombstoneRecord({ id: "gone" })];
  const held = hold(records, all);
  for (const round of [1, 2]) {
    expect(
      held.map((one) => records.use(one)),
      `round ${round}`,
    ).toEqual(all);
    expect(held.filter(({ record }) => record !== undefined)).toHaveLength(decodedMax);
  }
});

test("a record in use stays decoded while others come and go", () => {
  const records = new HeldRecords(decodedMax);
  const [one, ...others] = hold(records, sessions(20)) as [Held, ...Held[]];
  const record = records.use(one);
  for (const other of others) {
    records.use(other);
    expect(records.use(one)).toBe(record);
  }
});

test("looking at a record changes nothing about how it is held", () => {
  const records = new HeldRecords(decodedMax);
  const all = sessions(20);
  const held = hold(records, all);
  const before = held.map(({ record }) => record);
  expect(held.map((one) => records.look(one))).toEqual(all);
  expect(held.map(({ record }) => record)).toEqual(before);
});

test("the text of a record is made once, and is that of the newest", () => {
  const records = new HeldRecords(decodedMax);
  const [held] = hold(records, sessions(1)) as [Held];
  const newest = busySession({ id: "session-0", revision: 7 });
  expect(records.textOf(held)).toBe(encodeRecord(records.look(held)));
  records.replace(held, newest, undefined);
  expect(records.textOf(held)).toBe(encodeRecord(newest));
  records.replace(held, newest, "as it was written");
  expect(records.textOf(held)).toBe("as it was written");
});

test("one that is dropped takes no room for long", () => {
  const records = new HeldRecords(decodedMax);
  const held = hold(records, sessions(decodedMax));
  for (const one of held) records.drop(one);
  const others = hold(records, sessions(decodedMax));
  expect(others.every(({ record }) => record !== undefined)).toBe(true);
  expect(held.every(({ record }) => record === undefined)).toBe(true);
});
