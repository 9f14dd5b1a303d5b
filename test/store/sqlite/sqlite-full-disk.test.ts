import { describe, expect, test } from "vitest";

import { StoreUnavailable } from "../../../src/service/session-store.ts";
import { manualClock } from "../../support/service/manual-clock.ts";
import { storeFolder } from "../../support/store/store-files.ts";
import {
  builtAt,
  insertion,
  manySessions,
  removal,
  revisionOf,
  sessionRecord,
  sessionsOf,
} from "../../support/store/store-records.ts";

describe("the SQLite store on a full disk", () => {
  test("refuses a transaction that does not fit as a whole, and continues", async () => {
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
    const filler = manySessions(1000);
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

  test("keeps changes written behind until there is room again", async () => {
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

  test("keeps changes written behind, although a commit made as it closes does not fit", async () => {
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
