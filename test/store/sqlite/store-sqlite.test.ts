import { describe, expect, test } from "vitest";

import { gapsMax } from "../../../src/service/session-store.ts";
import { manualClock } from "../../support/service/manual-clock.ts";
import { storeFolder, withDatabase } from "../../support/store/store-files.ts";
import {
  builtAt,
  busySession,
  insertion,
  removal,
  revisionOf,
  sessionRecord,
  tombstoneRecord,
} from "../../support/store/store-records.ts";
import { describeSoleStore } from "../sole-store-conformance.ts";

describeSoleStore("the SQLite store", async () => {
  const folder = await storeFolder();
  const store = await folder.open();
  return { store, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
});

describe("the SQLite store, opened again,", () => {
  test("has every record, gap and deadline, and the last moment alive", async () => {
    await using folder = await storeFolder();
    const records = [
      busySession({ id: "a" }),
      sessionRecord({ id: "b", beachId: "beach-2" }),
      tombstoneRecord({ id: "c" }),
    ];
    const clock = manualClock(builtAt);
    {
      await using store = await folder.open({ clock });
      for (const [index, record] of records.entries()) {
        await store.commit(insertion(record, { deadline: builtAt + 30 - index }));
      }
      await store.recordGap({ from: 5, until: 7, kind: "stall" });
      await store.recordAlive(builtAt + 3);
    }
    await using store = await folder.open({ clock });
    for (const record of records) expect(await store.load(record.id)).toEqual(record);
    const all = await store.list({ beachId: undefined, after: undefined, limit: 10 });
    expect(all.map(({ id }) => id)).toEqual(["a", "b"]);
    const second = await store.list({ beachId: "beach-2", after: undefined, limit: 10 });
    expect(second.map(({ id }) => id)).toEqual(["b"]);
    expect(store.tally.count(undefined)).toMatchObject({ sessions: 2, liveLeases: 1, fastPath: 1 });
    expect(await store.due(builtAt + 29, 10)).toEqual(["c", "b"]);
    expect(await store.gaps()).toEqual([{ number: 1, from: 5, until: 7, kind: "stall" }]);
    expect(await store.lastAlive()).toBe(builtAt + 3);
    expect((await store.recordGap({ from: 8, until: 9, kind: "absence" })).number).toBe(2);
  });

  test("has the newest revision, and nothing of what was forgotten", async () => {
    await using folder = await storeFolder();
    const first = sessionRecord();
    const second = revisionOf(first, {}, { deadline: builtAt });
    const gone = sessionRecord({ id: "gone" });
    {
      await using store = await folder.open();
      await store.commit(insertion(first));
      await store.commit(second);
      await store.commit(insertion(gone));
      await store.commit(removal(gone));
    }
    await using store = await folder.open();
    expect(await store.load(first.id)).toEqual(second.next);
    expect(await store.load(gone.id)).toBeUndefined();
  });

  test("keeps the newest gaps", async () => {
    await using folder = await storeFolder();
    await (await folder.open())[Symbol.asyncDispose]();
    withDatabase(folder.storePath, (db) => {
      db.exec(`WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers
        LIMIT ${gapsMax}) INSERT INTO gap SELECT number, number, number + 1, 'stall' FROM numbers`);
    });
    {
      await using store = await folder.open();
      for (const at of [1, 2]) await store.recordGap({ from: at, until: at + 1, kind: "stall" });
      expect(await store.gaps()).toHaveLength(gapsMax);
    }
    await using store = await folder.open();
    const gaps = await store.gaps();
    expect(gaps).toHaveLength(gapsMax);
    expect([gaps[0]?.number, gaps.at(-1)?.number]).toEqual([3, gapsMax + 2]);
  });
});
