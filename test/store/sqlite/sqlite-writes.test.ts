import { describe, expect, test } from "vitest";

import { manualClock } from "../../support/service/manual-clock.ts";
import { copyOf, storeFolder } from "../../support/store/store-files.ts";
import {
  builtAt,
  insertion,
  manySessions,
  revisionOf,
  sessionRecord,
  sessionsOf,
} from "../../support/store/store-records.ts";

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
    expect(await store.list({ beachId: undefined, after: undefined, limit: 1 })).toEqual([]);
    await Promise.all(commits);
    expect(transactions).toEqual([300]);
    expect(shown).toEqual(ids);
  });

  test("a change on its way to disk is waited for, and nothing else is accepted meanwhile", async () => {
    await using folder = await storeFolder();
    await using store = await folder.open();
    const record = sessionRecord();
    await store.commit(insertion(record));
    const change = revisionOf(record);
    const committed = store.commit(change);
    expect(store.peek(record.id)).toBe("pending");
    expect(store.commitNow(revisionOf(record, {}, { durability: "behind" }))).toBe(false);
    expect(await store.load(record.id)).toEqual(change.next);
    await committed;
    expect(store.peek(record.id)).toMatchObject({ record: change.next });
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

  test("changes made while a transaction is being written, together in the next one", async () => {
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

  test("a gap recorded while a transaction is handed over, without any part of that transaction", async () => {
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

  test("a session that changes again while an older state of it is being written", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    await using store = await folder.open({ clock });
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
    await clock.advance(longPassMs);
    await passing;
    await store.recordAlive(builtAt + 1);
    await using copy = await copyOf(folder.storePath);
    expect(await copy.store.load(first.id)).toEqual(again.next);
  });

  test("changes written behind, within a second, together with the moment of that pass", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    let written = Promise.withResolvers<void>();
    const store = await folder.open({ clock, observe: () => written.resolve() });
    store.aliveBy(() => clock.now());
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

  test("nothing later while a transaction takes longer than a second", async () => {
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

  test("nothing later while the changes written behind take longer than that", async () => {
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
    store.aliveBy(() => clock.now());
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

  test("no moment alive but the recorded one, until a heartbeat brings a later one", async () => {
    await using folder = await storeFolder();
    {
      await using store = await folder.open({ clock: manualClock(builtAt) });
      await store.commit(insertion(sessionRecord()));
    }
    await using store = await folder.open({ clock: manualClock(builtAt) });
    expect(await store.lastAlive()).toBeUndefined();
  });

  test("changes written behind, before a recorded moment alive, however many there are", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    await using store = await folder.open({ clock });
    const records = manySessions(1200);
    await Promise.all(records.map((record) => store.commit(insertion(record))));
    for (const record of records) {
      await store.commit(revisionOf(record, {}, { durability: "behind" }));
    }
    const recorded = store.recordAlive(builtAt + 50);
    await clock.advance(longPassMs);
    await recorded;
    await using copy = await copyOf(folder.storePath);
    const kept = await copy.store.list({ beachId: undefined, after: undefined, limit: 2000 });
    expect(kept.map(({ revision }) => revision)).toEqual(records.map(() => 2));
    expect(await copy.store.lastAlive()).toBe(builtAt + 50);
  });

  test("a change made during a long pass, with that pass", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    await using store = await folder.open({ clock });
    const records = manySessions(600);
    await Promise.all(records.map((record) => store.commit(insertion(record))));
    const extensions = records.map((record) => revisionOf(record, {}, { durability: "behind" }));
    for (const extension of extensions) await store.commit(extension);
    const passing = store.recordAlive(builtAt);
    const last = extensions.at(-1);
    if (last === undefined) throw new Error("sessions were made");
    const again = revisionOf(last.next, {}, { durability: "behind" });
    expect(await store.commit(again)).toBe("committed");
    await clock.advance(longPassMs);
    await passing;
    await using copy = await copyOf(folder.storePath);
    expect(await copy.store.load(last.id)).toEqual(again.next);
  });

  test("changes behind right after a transaction that was on its way when their pass began", async () => {
    await using folder = await storeFolder();
    await using store = await folder.open({ clock: manualClock(builtAt) });
    const [first, second] = sessionsOf("beach-1", ["first", "second"]);
    if (first === undefined || second === undefined) throw new Error("two were asked for");
    await store.commit(insertion(first));
    const committing = store.commit(insertion(second));
    await turn();
    const behind = revisionOf(first, {}, { durability: "behind" });
    expect(await store.commit(behind)).toBe("committed");
    // No time passes that they could wait for.
    await store.recordAlive(builtAt);
    await committing;
    await using copy = await copyOf(folder.storePath);
    expect(await copy.store.load(first.id)).toEqual(behind.next);
  });

  test("many changes behind in parts, each in its time, and all of them when it is disposed of", async () => {
    await using folder = await storeFolder();
    const clock = manualClock(builtAt);
    const written: number[] = [];
    const records = manySessions(1000);
    {
      await using store = await folder.open({ clock, observe: (it) => written.push(it.sessions) });
      await Promise.all(records.map((record) => store.commit(insertion(record))));
      written.length = 0;
      for (const record of records) {
        await store.commit(revisionOf(record, {}, { durability: "behind" }));
      }
      await clock.advance(500);
      for (const parts of [1, 2, 3]) {
        await expect.poll(() => written).toEqual(new Array(parts).fill(100));
        await clock.advance(25);
      }
    }
    expect(written.reduce((sum, rows) => sum + rows)).toBe(1000);
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

  test("changes written behind, when it is disposed of", async () => {
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

/** By then every part of a pass is due. */
const longPassMs = 250;

/** The loop turns once. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
