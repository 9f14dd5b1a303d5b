import { expect, test } from "vitest";

import { memoryStore } from "../../src/store/memory-store.ts";
import { insertion, sessionRecord } from "../support/store/store-records.ts";
import { describeSoleStore } from "./sole-store-conformance.ts";

describeSoleStore("the memory store", async () => ({
  store: memoryStore(),
  async [Symbol.asyncDispose]() {},
}));

describeSoleStore("the memory store with one record decoded", async () => ({
  store: memoryStore(1),
  async [Symbol.asyncDispose]() {},
}));

test("the memory store takes any change at once", () => {
  const store = memoryStore();
  const record = sessionRecord();
  expect(store.commitNow(insertion(record))).toBe(true);
  expect(store.peek(record.id)).toMatchObject({ record });
});
