import type { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";

import { claim, steps } from "../../../src/store/sqlite/sqlite-schema.ts";
import { storeFolder, withDatabase } from "../../support/store/store-files.ts";
import { insertion, sessionRecord, tombstoneRecord } from "../../support/store/store-records.ts";

/** What a later version would add: a table of its own, and something made of what there is. */
const later: readonly string[] = [
  ...steps,
  "ALTER TABLE session ADD COLUMN length INTEGER NOT NULL DEFAULT 0",
  "UPDATE session SET length = length(record); CREATE INDEX by_length ON session (length)",
];

function claimed(path: string, to?: readonly string[]): void {
  withDatabase(path, (db) => {
    db.exec("BEGIN EXCLUSIVE");
    claim(db, path, to);
    db.exec("COMMIT");
  });
}

function formatOf(db: DatabaseSync): unknown {
  return db.prepare("SELECT value FROM meta WHERE name = 'format'").get()?.value;
}

describe("a SQLite file of an older format", () => {
  test("goes through the missing steps, each once, and keeps its contents", async () => {
    await using folder = await storeFolder();
    const record = sessionRecord();
    {
      await using store = await folder.open();
      await store.commit(insertion(record));
    }
    claimed(folder.storePath, later.slice(0, 2));
    claimed(folder.storePath, later);
    claimed(folder.storePath, later);
    withDatabase(folder.storePath, (db) => {
      expect(formatOf(db)).toBe(later.length);
      const row = db.prepare("SELECT id, length FROM session").get();
      expect(row).toMatchObject({ id: record.id, length: expect.any(Number) });
      expect(row?.length).toBeGreaterThan(100);
    });
  });

  test("is unchanged when a step fails", async () => {
    await using folder = await storeFolder();
    await (await folder.open())[Symbol.asyncDispose]();
    const broken = [...later, "CREATE TABLE gap (number INTEGER)"];
    expect(() => claimed(folder.storePath, broken)).toThrow("table gap already exists");
    withDatabase(folder.storePath, (db) => expect(formatOf(db)).toBe(steps.length));
    await using store = await folder.open();
    expect(await store.gaps()).toEqual([]);
  });

  test("is refused by a version that does not know its own", async () => {
    await using folder = await storeFolder();
    claimed(folder.storePath, later);
    await expect(folder.open()).rejects.toThrow(
      `it has format ${later.length}, and this version reads up to ${steps.length}`,
    );
  });
});

test("a record of an older version is read", async () => {
  await using folder = await storeFolder();
  const record = tombstoneRecord({ generation: 3 });
  {
    await using store = await folder.open();
    await store.commit(insertion(record));
  }
  const written = '[1,1,"session-1","beach-1",1763400000000,1,0,0,0,"requested",0,0,0,0,0,3,null]';
  withDatabase(folder.storePath, (db) => db.prepare("UPDATE session SET record = ?").run(written));
  await using store = await folder.open();
  expect(await store.load(record.id)).toEqual(record);
});
