import { expect, test } from "vitest";

import { memoryStore } from "../../src/store/memory-store.ts";
import { insertion, sessionRecord } from "../support/store-records.ts";
import { describeSoleStore } from "./sole-store-conformance.ts";

describeSoleStore("the memory store", async () => ({
  store: memoryStore(),
  async [Symbol.asyncDispose]() {},
}));

test("the memory store answers at once, without promises", () => {
  const store = memoryStore();
  const record = sessionRecord();
  expect(store.commit(insertion(record))).toBe("committed");
  expect(store.load(record.id)).toBe(record);
});
