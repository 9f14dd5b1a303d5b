import { describe, expect, test } from "vitest";

import { gapsMax, StoreUnavailable } from "../../src/service/session-store.ts";
import { manualClock } from "../support/manual-clock.ts";
import { copyOf, storeFolder, withDatabase } from "../support/store-files.ts";
import {
  builtAt,
  busySession,
  insertion,
  removal,
  revisionOf,
  sessionRecord,
  sessionsOf,
  tombstoneRecord,
} from "../support/store-records.ts";
import { describeSoleStore } from "./sole-store-conformance.ts";

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

describe("the SQLite store writes", () => {
  test("durable commits of one turn together, and shows none before all are on disk", async () => {
    await using folder = await storeFolder();
    const transactions: number[] = [];
    await using store = await folder.open({
      observe: ({ sessions }) => transactions.push(sessions),
    });
    const ids = Array.from({ length: 300 }, (_, index) => `s${index}`);
    const shown: string[] = [];
    using _ = store.changes(({ id }) => shown.push(id));
    const commits = sessionsOf("beach-1", ids).map((record) => store.commit(insertion(record)));
    expect(shown).toEqual([]);
    expect(store.list({ beachId: undefined, after: undefined, limit: 1 })).toEqual([]);
    await Promise.all(commits);
    expect(transactions).toEqual([300]);
    expect(shown).toEqual(ids);
  });

  test("a thousand durable commits with one fsync, while others get their turns", async () => {
    await using folder = await storeFolder();
    const written: number[] = [];
    await using store = await folder.open({ observe: ({ sessions }) => written.push(sessions) });
    const commits = manySessions(1000).map((record) => store.commit(insertion(record)));
    // The first hands the transaction on; to be written it needs none of this thread's.
    await turn();
    let turns = 0;
    for (; written.length === 0; turns += 1) await turn();
    await Promise.all(commits);
    expect(written).toEqual([1000]);
    expect(turns).toBeGreaterThan(1);
  });

  test("more than that in several transactions, in the order in which they came", async () => {
    await using folder = await storeFolder();
    const written: number[] = [];
    const shown: string[] = [];
    await using store = await folder.open({ observe: ({ sessions }) => written.push(sessions) });
    using _ = store.changes(({ id }) => shown.push(id));
    const records = manySessions(2200);
    await Promise.all(records.map((record) => store.commit(insertion(record))));
    expect(written).toEqual([1000, 1000, 200]);
    expect(shown).toEqual(records.map(({ id }) => id));
  });

  test("what comes while a transaction is being written together in the next one", async () => {
    await using folder = await storeFolder();
    const written: number[] = [];
    await using store = await folder.open({ observe: ({ sessions }) => written.push(sessions) });
    const records = manySessions(1200);
    const commits = records.slice(0, 1000).map((record) => store.commit(insertion(record)));
    await turn();
    for (const record of records.slice(1000)) {
      commits.push(store.commit(insertion(record)));
      await turn();
      if (written.length > 0) break;
    }
    await Promise.all(commits);
    expect(written).toEqual([1000, commits.length - 1000]);
  });

  test("a gap that comes while a transaction is handed over, without waiting for all of it", async () => {
    await using folder = await storeFolder();
    await using store = await folder.open();
    const records = manySessions(1000);
    const commits = records.map((record) => store.commit(insertion(record)));
    await turn();
    const gap = await store.recordGap({ from: builtAt, until: builtAt + 5, kind: "stall" });
    const kept = async (): Promise<number> => {
      await using copy = await copyOf(folder.storePath);
      expect(await copy.store.gaps()).toEqual([gap]);
      return (await copy.store.list({ beachId: undefined, after: undefined, limit: 2000 })).length;
    };
    // Of the transaction there is all or nothing.
    expect([0, 1000]).toContain(await kept());
    expect(await Promise.all(commits)).toEqual(records.map(() => "committed"));
    expect(await kept()).toBe(1000);
  });

  test("what changes again while an older state of it is being written", async () => {
    await using folder = await storeFolder();
    await using store = await folder.open({ clock: manualClock(builtAt) });
    const records = manySessions(600);
    await Promise.all(records.map((record) => store.commit(insertion(record))));
    const extensions = records.map((record) => revisionOf(record, {}, { durability: "behind" }));
    for (const extension of extensions) await store.commit(extension);
    const passing = store.recordAlive(builtAt);
    await turn();
    const [first] = extensions;
    if (first === undefined) throw new Error("sessions were made");
    const again = revisionOf(first.next, {}, { durability: "behind" });
    await store.commit(again);
    await passing;
    await store.recordAlive(builtAt + 1);
    await using copy = await copyOf(folder.storePath);
    expect(await copy.store.load(first.id)).toEqual(again.next);
  });

  test("what is behind within a second, together with the moment at which it looked", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    let written = Promise.withResolvers<void>();
    const store = await folder.open({ clock, observe: () => written.resolve() });
    const first = sessionRecord();
    await store.commit(insertion(first));
    written = Promise.withResolvers();
    const extension = revisionOf(first, {}, { durability: "behind", deadline: builtAt + 60 });
    await store.commit(extension);
    await clock.advance(1000);
    await written.promise;
    await using copy = await copyOf(folder.storePath);
    expect(await copy.store.load(first.id)).toEqual(extension.next);
    expect(await copy.store.lastAlive()).toBeGreaterThan(builtAt);
    expect(await copy.store.lastAlive()).toBeLessThanOrEqual(builtAt + 1000);
    await store[Symbol.asyncDispose]();
  });

  test("nothing later while a transaction takes so long that a second would not do", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    await using store = await folder.open({ clock });
    const [first, second] = sessionsOf("beach-1", ["first", "second"]);
    if (first === undefined || second === undefined) throw new Error("two were asked for");
    await store.commit(insertion(first));
    const behind = revisionOf(first, {}, { durability: "behind" });
    const committing = store.commit(insertion(second));
    await turn();
    // Before it has been heard that the transaction is on disk.
    void clock.jump(501);
    const answer = store.commit(behind);
    expect(answer).toBeInstanceOf(Promise);
    await Promise.all([committing, answer]);
    await using copy = await copyOf(folder.storePath);
    expect(await copy.store.load(first.id)).toEqual(behind.next);
  });

  test("nothing later while all that is behind takes longer than that to be written", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    await using store = await folder.open({ clock });
    const first = sessionRecord();
    await store.commit(insertion(first));
    const passing = store.recordAlive(builtAt);
    void clock.jump(501);
    const behind = revisionOf(first, {}, { durability: "behind" });
    const answer = store.commit(behind);
    expect(answer).toBeInstanceOf(Promise);
    await Promise.all([passing, answer]);
    await using copy = await copyOf(folder.storePath);
    expect(await copy.store.load(first.id)).toEqual(behind.next);
  });

  test("no moment alive before which something that was shown is not on disk", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    await using store = await folder.open({ clock });
    const first = sessionRecord();
    await store.commit(insertion(first));
    await clock.jump(100);
    await store.commit(revisionOf(first, {}, { durability: "behind" }));
    await clock.jump(100);
    await store.commit(insertion(sessionRecord({ id: "other" })));
    await using copy = await copyOf(folder.storePath);
    expect(await copy.store.load(first.id)).toEqual(first);
    expect(await copy.store.load("other")).toBeDefined();
    expect(await copy.store.lastAlive()).toBe(builtAt);
  });

  test("what is behind before a recorded moment alive, however much it is", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    await using store = await folder.open({ clock });
    const records = sessionsOf(
      "beach-1",
      Array.from({ length: 1200 }, (_, index) => `s${index}`),
    );
    await Promise.all(records.map((record) => store.commit(insertion(record))));
    for (const record of records) {
      await store.commit(revisionOf(record, {}, { durability: "behind" }));
    }
    await store.recordAlive(builtAt + 50);
    await using copy = await copyOf(folder.storePath);
    const kept = await copy.store.list({ beachId: undefined, after: undefined, limit: 2000 });
    expect(kept.map(({ revision }) => revision)).toEqual(records.map(() => 2));
    expect(await copy.store.lastAlive()).toBe(builtAt + 50);
  });

  test("a change that comes while a long pass is on its way, with that pass", async () => {
    await using folder = await storeFolder();
    await using store = await folder.open({ clock: manualClock(builtAt) });
    const records = sessionsOf(
      "beach-1",
      Array.from({ length: 600 }, (_, index) => `s${index}`),
    );
    await Promise.all(records.map((record) => store.commit(insertion(record))));
    const extensions = records.map((record) => revisionOf(record, {}, { durability: "behind" }));
    for (const extension of extensions) await store.commit(extension);
    const passing = store.recordAlive(builtAt);
    const last = extensions.at(-1);
    if (last === undefined) throw new Error("sessions were made");
    const again = revisionOf(last.next, {}, { durability: "behind" });
    expect(await store.commit(again)).toBe("committed");
    await passing;
    await using copy = await copyOf(folder.storePath);
    expect(await copy.store.load(last.id)).toEqual(again.next);
  });

  test("gaps that are on their way when it is disposed of", async () => {
    await using folder = await storeFolder();
    const store = await folder.open();
    const gaps = [1, 2, 3, 4].map((at) =>
      store.recordGap({ from: at, until: at + 1, kind: "stall" }),
    );
    await store[Symbol.asyncDispose]();
    await using again = await folder.open();
    expect(await again.gaps()).toEqual(await Promise.all(gaps));
  });

  test("what is behind when it is disposed of", async () => {
    await using folder = await storeFolder();
    const first = sessionRecord();
    const extension = revisionOf(first, {}, { durability: "behind" });
    {
      await using store = await folder.open({ clock: manualClock() });
      await store.commit(insertion(first));
      await store.commit(extension);
    }
    await using store = await folder.open();
    expect(await store.load(first.id)).toEqual(extension.next);
  });
});

/** The loop turns once. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function manySessions(count: number): ReturnType<typeof sessionsOf> {
  return sessionsOf(
    "beach-1",
    Array.from({ length: count }, (_, index) => `s${index}`),
  );
}

describe("the SQLite store on a full disk", () => {
  test("refuses all of a transaction that does not fit, and goes on", async () => {
    await using folder = await storeFolder();
    await using store = await folder.open({ clock: manualClock(), fileBytesMax: 200_000 });
    const records = manySessions(1000);
    const commits = await Promise.allSettled(
      records.map((record) => store.commit(insertion(record))),
    );
    expect(new Set(commits.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    const [first] = records;
    if (first === undefined) throw new Error("sessions were made");
    expect(await store.load(first.id)).toBeUndefined();
    expect(await store.commit(insertion(first))).toBe("committed");
  });

  test("refuses what it cannot write, shows what is on disk, and recovers", async () => {
    await using folder = await storeFolder();
    await using store = await folder.open({ clock: manualClock(), fileBytesMax: 200_000 });
    const filler = sessionsOf(
      "beach-1",
      Array.from({ length: 1000 }, (_, index) => `s${index}`),
    );
    const written: (typeof filler)[number][] = [];
    let fault: unknown;
    for (const record of filler) {
      try {
        await store.commit(insertion(record));
        written.push(record);
      } catch (error) {
        fault = error;
        break;
      }
    }
    expect(fault).toBeInstanceOf(StoreUnavailable);
    expect(written.length).toBeGreaterThan(50);
    expect(await store.load(filler[written.length]?.id ?? "")).toBeUndefined();
    const [first, second] = written;
    if (first === undefined || second === undefined) throw new Error("nothing fitted");
    expect(await store.load(first.id)).toEqual(first);

    // An extension must not be promised for later while nothing can be written.
    const reason = "x".repeat(100_000);
    const lastChange = { change: "attached", reason, at: builtAt } as const;
    const extension = revisionOf(second, { lastChange }, { durability: "behind" });
    await expect(async () => store.commit(extension)).rejects.toThrow(StoreUnavailable);
    expect(await store.load(second.id)).toEqual(second);

    for (const record of written.slice(2)) await store.commit(removal(record));
    expect(await store.commit(revisionOf(first))).toBe("committed");
    expect(await store.commit(extension)).toBe("committed");
  });

  test("keeps what is behind until there is room again", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    const store = await folder.open({ clock, fileBytesMax: 200_000 });
    const [big, small] = sessionsOf("beach-1", ["big", "small"]);
    if (big === undefined || small === undefined) throw new Error("two sessions were asked for");
    const lastChange = { change: "attached", reason: "x".repeat(120_000), at: builtAt } as const;
    const filled = revisionOf(big, { lastChange });
    await store.commit(insertion(big));
    await store.commit(insertion(small));
    await store.commit(filled);
    const extension = revisionOf(small, { lastChange }, { durability: "behind" });
    expect(await store.commit(extension)).toBe("committed");
    // A commit that comes with it is written all the same.
    const other = insertion(sessionRecord({ id: "other" }));
    const [alive, committed] = await Promise.allSettled([
      store.recordAlive(builtAt),
      store.commit(other),
    ]);
    expect(alive).toMatchObject({ status: "rejected", reason: expect.any(StoreUnavailable) });
    expect(committed).toEqual({ status: "fulfilled", value: "committed" });
    expect(await store.load(small.id)).toEqual(extension.next);
    await store.commit(removal(filled.next));
    await clock.advance(1000);
    await store[Symbol.asyncDispose]();
    await using again = await folder.open();
    expect(await again.load(small.id)).toEqual(extension.next);
  });

  test("keeps what is behind, although a commit that comes as it closes does not fit", async () => {
    await using folder = await storeFolder();
    const store = await folder.open({ clock: manualClock(builtAt), fileBytesMax: 200_000 });
    const first = sessionRecord();
    await store.commit(insertion(first));
    const extension = revisionOf(first, {}, { durability: "behind" });
    await store.commit(extension);
    const lastChange = { change: "attached", reason: "x".repeat(300_000), at: builtAt } as const;
    const tooLarge = store.commit(insertion(sessionRecord({ id: "too-large", lastChange })));
    const closing = store[Symbol.asyncDispose]();
    await expect(tooLarge).rejects.toThrow(StoreUnavailable);
    await closing;
    await using again = await folder.open();
    expect(await again.load(first.id)).toEqual(extension.next);
  });
});
