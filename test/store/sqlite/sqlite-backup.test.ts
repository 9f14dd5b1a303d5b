import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";
import { StoreUnavailable } from "../../../src/service/session-store.ts";
import { systemClock } from "../../../src/service/time/clock.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { storeFolder } from "../../support/store/store-files.ts";
import { startStoreProcess } from "../../support/store/store-process.ts";
import {
  insertion,
  revisionOf,
  sessionRecord,
  sessionsOf,
} from "../../support/store/store-records.ts";

const clock = systemClock();
const ids = Array.from({ length: 600 }, (_, index) => `s${index}`);
const everything = { beachId: undefined, after: undefined, limit: 10_000 };

test("a backup made during writes contains only whole transactions", async () => {
  await using folder = await storeFolder();
  await using store = await folder.open();
  let records = sessionsOf("beach-1", ids);
  await Promise.all(records.map((record) => store.commit(insertion(record))));
  let isOver = false;
  // Each round is one transaction, and large enough to be written in two turns.
  const writing = (async () => {
    while (!isOver) {
      const changes = records.map((record) => revisionOf(record));
      await Promise.all(changes.map((change) => store.commit(change)));
      records = changes.map(({ next }) => next);
    }
  })();
  const paths: string[] = [];
  for (const name of ["a.db", "b.db", "c.db"]) paths.push(await store.backUp(name));
  isOver = true;
  await writing;
  for (const path of paths) {
    await using copy = await openSqliteStore(path, { clock });
    const revisions = (await copy.list(everything)).map(({ revision }) => revision);
    expect(revisions).toHaveLength(ids.length);
    expect(new Set(revisions).size).toBe(1);
  }
  expect((await readdir(folder.path)).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a backup holds all that was committed before it, and is one file", async () => {
  await using folder = await storeFolder();
  await using store = await folder.open();
  const record = sessionRecord();
  await store.commit(insertion(record));
  await store.recordGap({ from: 5, until: 7, kind: "stall" });
  const path = await store.backUp("copy.db");
  expect((await readdir(folder.path)).toSorted()).toEqual(["copy.db", "lease.db", "lease.db-wal"]);
  await using copy = await openSqliteStore(path, { clock });
  expect(await copy.load(record.id)).toEqual(record);
  expect(await copy.gaps()).toEqual([{ number: 1, from: 5, until: 7, kind: "stall" }]);
});

test("a store that continues from a backup has a new incarnation, and its backups have others", async () => {
  await using folder = await storeFolder();
  await using store = await folder.open();
  const first = await store.backUp("first.db");
  expect(await store.incarnation()).toBe(0);
  await using copy = await openSqliteStore(first, { clock });
  expect(await copy.incarnation()).toBe(1);
  await using second = await openSqliteStore(await copy.backUp("second.db"), { clock });
  expect(await second.incarnation()).toBe(2);
});

test("the file is held as before: no other process can open it", async () => {
  await using folder = await storeFolder();
  await using store = await folder.open();
  for (const name of ["first.db", "second.db"]) {
    await store.backUp(name);
    await using other = startStoreProcess(folder.storePath, "report");
    expect(await other.line(() => true)).toContain("another process holds it");
  }
});

test("the store continues as before: changes written meanwhile are there when it is opened again", async () => {
  await using folder = await storeFolder();
  const records = sessionsOf("beach-1", ids);
  {
    await using store = await folder.open();
    const backup = store.backUp("copy.db");
    await Promise.all(records.map((record) => store.commit(insertion(record))));
    await backup;
    for (let round = 0; round < 3; round += 1) {
      const changes = records.map((record) =>
        revisionOf({ ...record, revision: record.revision + round }),
      );
      await Promise.all(changes.map((change) => store.commit(change)));
    }
  }
  await using store = await folder.open();
  const kept = await store.list(everything);
  expect(kept.map(({ revision }) => revision)).toEqual(ids.map(() => 4));
});

test.each(["", ".hidden", "../outside.db", "sub/copy.db", "a b.db", "x".repeat(101)])(
  "a name that may lead elsewhere is refused: '%s'",
  async (name) => {
    await using folder = await storeFolder();
    await using store = await folder.open();
    await expect(store.backUp(name)).rejects.toMatchObject({ kind: "bad name" });
    expect((await readdir(folder.path)).toSorted()).toEqual(["lease.db", "lease.db-wal"]);
  },
);

test("nothing is overwritten, neither an existing file nor the store itself", async () => {
  await using folder = await storeFolder();
  await using store = await folder.open();
  await writeFile(join(folder.path, "letter.txt"), "Dear grandmother");
  for (const name of ["letter.txt", "lease.db", "lease.db-wal"]) {
    await expect(store.backUp(name)).rejects.toMatchObject({
      name: "BackupRefused",
      kind: "refused",
      message: expect.stringContaining("exists; name a file that does not"),
    });
  }
});

test("one backup is made at a time", async () => {
  await using folder = await storeFolder();
  await using store = await folder.open();
  const first = store.backUp("first.db");
  await expect(store.backUp("second.db")).rejects.toThrow("another backup is under way");
  await first;
  await store.backUp("second.db");
});

test("a store that closes aborts its backup and leaves no trace of it", async () => {
  await using folder = await storeFolder();
  const store = await folder.open();
  await store.commit(insertion(sessionRecord()));
  const backup = store.backUp("copy.db").catch((error: unknown) => error);
  await store[Symbol.asyncDispose]();
  expect(await readdir(folder.path)).toEqual(["lease.db"]);
  expect(await backup).toBeInstanceOf(StoreUnavailable);
});
