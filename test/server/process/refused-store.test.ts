import { chmod, readdir, readFile, truncate, writeFile } from "node:fs/promises";

import { describe, expect, test } from "vitest";

import { runToExit, type StartOptions } from "../../support/process/run-service.ts";
import { type StoreFolder, storeFolder, withDatabase } from "../../support/store/store-files.ts";
import { insertion, sessionsOf } from "../../support/store/store-records.ts";

/** A store of ours, with so much in it that its tables have several pages. */
async function fill(folder: StoreFolder): Promise<void> {
  await using store = await folder.open();
  const ids = Array.from({ length: 200 }, (_, index) => `session-${index}`);
  await Promise.all(sessionsOf("beach-1", ids).map((record) => store.commit(insertion(record))));
}

async function edit(folder: StoreFolder, sql: string): Promise<void> {
  await fill(folder);
  withDatabase(folder.storePath, (db) => db.exec(sql));
}

async function spoil(folder: StoreFolder, from: number): Promise<void> {
  await fill(folder);
  const bytes = await readFile(folder.storePath);
  bytes.fill(0x5a, from, from + 4096);
  await writeFile(folder.storePath, bytes);
}

interface Refused {
  readonly name: string;
  readonly make: (folder: StoreFolder) => Promise<void>;
  readonly why: string;
  readonly start?: StartOptions;
}

const damaged = "it is damaged, or not a SQLite database; restore a backup, or move it away";
const foreign = "it belongs to another program; choose another file";

const cases: readonly Refused[] = [
  {
    name: "no database",
    make: ({ storePath }) => writeFile(storePath, "Dear grandmother, ".repeat(500)),
    why: damaged,
  },
  { name: "damaged in its first table", make: (folder) => spoil(folder, 4096), why: damaged },
  {
    name: "damaged where only a later write would notice",
    make: async (folder) => {
      await fill(folder);
      // The root of the index that finds a session by its id.
      const page = withDatabase(folder.storePath, (db) =>
        db.prepare("SELECT rootpage FROM sqlite_schema WHERE name LIKE '%session_1'").get(),
      );
      await spoil(folder, (Number(page?.rootpage) - 1) * 4096);
    },
    why: damaged,
  },
  {
    name: "cut short",
    make: async (folder) => {
      await fill(folder);
      await truncate(folder.storePath, 4096 * 5);
    },
    why: damaged,
  },
  {
    name: "another program's",
    make: async ({ storePath }) =>
      withDatabase(storePath, (db) => db.exec("CREATE TABLE recipe (name TEXT)")),
    why: foreign,
  },
  {
    name: "marked by another program",
    make: async ({ storePath }) =>
      withDatabase(storePath, (db) => db.exec("PRAGMA application_id = 7")),
    why: foreign,
  },
  {
    name: "of a newer format",
    make: (folder) => edit(folder, "UPDATE meta SET value = 99 WHERE name = 'format'"),
    why: "it has format 99, and this version reads up to 1; run the version that wrote it",
  },
  {
    name: "with a record of a newer version",
    make: (folder) => edit(folder, "UPDATE session SET record = '[99,0]' WHERE id = 'session-7'"),
    why: "the record of session 'session-7' cannot be read: it has version 99, and this program reads 1 to 4; run the version that wrote it, or restore the file",
  },
  {
    name: "read-only",
    make: async (folder) => {
      await fill(folder);
      await chmod(folder.storePath, 0o444);
      await chmod(folder.path, 0o777);
    },
    why: "it cannot be written; make the file and its folder writable for this user",
    start: { unprivileged: true },
  },
  {
    name: "in a folder that is read-only",
    make: async (folder) => {
      await fill(folder);
      await chmod(folder.storePath, 0o666);
      await chmod(folder.path, 0o555);
    },
    why: "cannot be written",
    start: { unprivileged: true },
  },
  {
    name: "on a disk without room",
    make: fill,
    why: "its disk cannot be read or written; check the disk, its free space and its quotas",
    start: { fileKibMax: 1 },
  },
];

describe("the service does not start, says why, and leaves alone a store that is", () => {
  test.each(cases)("$name", async ({ make, why, start }) => {
    await using folder = await storeFolder();
    await make(folder);
    const before = await readFile(folder.storePath);
    const env = { LEASE_STORE_URL: `sqlite:${folder.storePath}` };
    const { code, stdout, stderr } = await runToExit(env, start);
    expect(stderr.split("\n")).toHaveLength(1);
    expect(stderr).toContain(`controller-lease: Cannot open the store '${folder.storePath}'`);
    expect(stderr).toContain(why);
    expect(stderr).toContain("(LEASE_STORE_URL)");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect((await readFile(folder.storePath)).equals(before)).toBe(true);
    expect(await readdir(folder.path)).toEqual(["lease.db"]);
    await chmod(folder.path, 0o755);
  });
});
