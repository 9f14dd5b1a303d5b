import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { systemClock } from "../../../src/service/time/clock.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { advanceByTries, manualClock } from "../../support/service/manual-clock.ts";
import { storeFolder } from "../../support/store/store-files.ts";
import { startStoreProcess } from "../../support/store/store-process.ts";
import { sessionRecord } from "../../support/store/store-records.ts";

const clock = systemClock();

describe("a SQLite file that another process holds", () => {
  test("is refused with the remedy", async () => {
    await using folder = await storeFolder();
    await using holder = startStoreProcess(folder.storePath, "hold");
    await holder.line((line) => line === "opened");
    await expect(folder.open({ lockWaitMs: 100 })).rejects.toMatchObject({
      name: "StoreCannotOpen",
      message: `Cannot open the store '${folder.storePath}': another process holds it; stop that process, or choose another file`,
    });
  });

  test("is waited for, and the wait is reported once, after a second", async () => {
    await using folder = await storeFolder();
    await using holder = startStoreProcess(folder.storePath, "hold");
    await holder.line((line) => line === "opened");
    const clock = manualClock();
    const received: number[] = [];
    const onLockWait = (remainingMs: number): void => void received.push(remainingMs);
    const startedAt = clock.now();
    let isOver = false;
    const opening = folder.open({ clock, lockWaitMs: 15_000, onLockWait });
    const refused = expect(opening)
      .rejects.toThrow("another process holds it")
      .finally(() => {
        isOver = true;
      });
    await advanceByTries(clock, startedAt + 950, () => isOver);
    expect(received).toEqual([]);
    await advanceByTries(clock, startedAt + 1_000, () => isOver);
    expect(received).toEqual([14_000]);
    await advanceByTries(clock, startedAt + 15_000, () => isOver);
    await refused;
    expect(received).toEqual([14_000]);
  });

  test("is refused to a second process while this one holds it", async () => {
    await using folder = await storeFolder();
    await using _ = await folder.open();
    await using second = startStoreProcess(folder.storePath, "report");
    const line = await second.line(() => true);
    expect(line).toContain("StoreCannotOpen");
    expect(line).toContain("another process holds it");
  });

  test("is waited for while that process drains", async () => {
    await using folder = await storeFolder();
    await using holder = startStoreProcess(folder.storePath, "hold");
    await holder.line((line) => line === "opened");
    const opening = folder.open({ lockWaitMs: 15_000 });
    await holder.kill("SIGTERM");
    expect(holder.lines).toEqual(["opened", "closed"]);
    await using store = await opening;
    expect(await store.load("session-1")).toBeUndefined();
  });
});

describe("a SQLite file whose process was killed", () => {
  test("Durable: it holds every commit that was acknowledged", async () => {
    await using folder = await storeFolder();
    await using child = startStoreProcess(folder.storePath, "commit");
    await child.line((line) => line === "committed lane-7-40");
    await child.kill("SIGKILL");
    const acknowledged = child.lines
      .filter((line) => line.startsWith("committed "))
      .map((line) => line.slice("committed ".length));
    expect(acknowledged.length).toBeGreaterThan(800);
    await using store = await folder.open();
    for (const id of acknowledged) {
      expect(await store.load(id)).toEqual(sessionRecord({ id }));
    }
  });
});

test("a SQLite file in a missing folder is refused, unless the folder may be created", async () => {
  await using folder = await storeFolder();
  const path = join(folder.path, "data", "lease.db");
  await expect(openSqliteStore(path, { clock })).rejects.toMatchObject({
    name: "StoreCannotOpen",
    message: expect.stringContaining("its folder is missing or cannot be written"),
  });
  await using store = await openSqliteStore(path, { clock, createFolder: true });
  expect(await store.load("session-1")).toBeUndefined();
  expect((await stat(path)).isFile()).toBe(true);
});

test("a folder in the place of a SQLite file is refused", async () => {
  await using folder = await storeFolder();
  await mkdir(folder.storePath);
  await expect(folder.open()).rejects.toMatchObject({
    name: "StoreCannotOpen",
    message: expect.stringContaining("it is a folder; name a file in it"),
  });
});

test.each(["lease.db", "deep/lease.db"])(
  "a file in the place of its folder is refused: %s",
  async (name) => {
    await using folder = await storeFolder();
    const file = join(folder.path, "file");
    await writeFile(file, "");
    const opening = openSqliteStore(join(file, name), { clock, createFolder: true });
    await expect(opening).rejects.toMatchObject({
      name: "StoreCannotOpen",
      message: expect.stringContaining("a file is in the place of its folder"),
    });
  },
);
