import { describe, expect } from "vitest";

import { nothingCounted } from "../../src/service/figures/fleet-counts.ts";
import type { SoleStore } from "../../src/service/session-store.ts";
import { StoreUnavailable } from "../../src/service/session-store.ts";
import {
  builtAt,
  busySession,
  insertion,
  removal,
  revisionOf,
  sessionRecord,
} from "../support/store/store-records.ts";
import { describeSessionStore, type OpenStore, testsOn } from "./store-conformance.ts";

/** What every store promises that one process holds. */
export function describeSoleStore(name: string, open: () => Promise<OpenStore<SoleStore>>): void {
  describeSessionStore(name, open);
  describe(`${name}, held by one process,`, () => {
    const { store, test } = testsOn(open);

    test("gaps are numbered from 1 and returned oldest first", async () => {
      expect(await store().gaps()).toEqual([]);
      const first = { from: builtAt, until: builtAt + 5, kind: "absence" } as const;
      const second = { from: builtAt + 10, until: builtAt + 12, kind: "stall" } as const;
      expect(await store().recordGap(first)).toEqual({ ...first, number: 1 });
      expect(await store().recordGap(second)).toEqual({ ...second, number: 2 });
      expect(await store().gaps()).toEqual([
        { ...first, number: 1 },
        { ...second, number: 2 },
      ]);
    });

    test("a new store has no earlier run, and the first moment alive makes none", async () => {
      await store().recordAlive(builtAt);
      expect(await store().lastAlive()).toBeUndefined();
    });

    test("a new store has lost no incarnation, and a gap loses none", async () => {
      expect(await store().incarnation()).toBe(0);
      await store().recordGap({ from: builtAt, until: builtAt + 5, kind: "absence" });
      expect(await store().incarnation()).toBe(0);
    });

    test("sessions stay due until their deadline moves", async () => {
      const a = sessionRecord({ id: "a" });
      await store().commit(insertion(a, { deadline: builtAt }));
      await store().commit(insertion(sessionRecord({ id: "b" }), { deadline: builtAt + 1 }));
      expect(await store().due(builtAt + 1, 1)).toEqual(["a"]);
      expect(await store().due(builtAt + 1, 1)).toEqual(["a"]);
      await store().commit(revisionOf(a, {}, { deadline: builtAt + 50 }));
      expect(await store().due(builtAt + 1, 1)).toEqual(["b"]);
      expect(await store().nextDeadline()).toBe(builtAt + 1);
    });

    test("what is shown is counted, over all and by beach", async () => {
      const { tally } = store();
      const record = busySession({ id: "a", beachId: "beach-1" });
      await store().commit(insertion(record));
      await store().commit(insertion(sessionRecord({ id: "b", beachId: "beach-2" })));
      const other = { ...nothingCounted, sessions: 1, pending: 1 };
      expect(tally.count("beach-2")).toEqual(other);
      expect(tally.count(undefined)).toEqual({ ...other, sessions: 2, liveLeases: 1, fastPath: 1 });
      await store().commit(removal(record));
      expect(tally.count("beach-1")).toEqual(nothingCounted);
      expect(tally.count(undefined)).toEqual(other);
    });

    test("a change that may be written behind is committed and shown at once", async () => {
      const record = sessionRecord();
      await store().commit(insertion(record));
      expect(store().peek(record.id)).toEqual({ record, deadline: insertion(record).deadline });
      const change = revisionOf(record, {}, { durability: "behind" });
      const received: unknown[] = [];
      using _ = store().changes(({ next }) => received.push(next));
      expect(store().commitNow(change)).toBe(true);
      const { next, deadline } = change;
      expect(store().peek(record.id)).toEqual({ record: next, deadline });
      expect(received).toEqual([change.next]);
    });

    test("a change that no longer fits is neither committed nor published", async () => {
      const record = sessionRecord();
      await store().commit(insertion(record));
      const newer = revisionOf(record, {}, { durability: "behind" });
      expect(store().commitNow(newer)).toBe(true);
      using _ = store().changes(() => expect.fail("notified"));
      expect(store().commitNow(revisionOf(record, {}, { durability: "behind" }))).toBe(false);
      expect(store().peek(record.id)).toMatchObject({ record: newer.next });
    });

    test("nothing of a postponed session is at hand until a change sets its deadline", async () => {
      const record = sessionRecord();
      await store().commit(insertion(record));
      await store().postpone(record.id, builtAt + 60_000);
      expect(store().peek(record.id)).toBe("pending");
      const change = revisionOf(record, {}, { durability: "behind" });
      expect(await store().commit(change)).toBe("committed");
      expect(store().peek(record.id)).toMatchObject({ record: change.next });
    });

    test("once disposed of, it has nothing at hand and takes nothing", async () => {
      const record = sessionRecord();
      await store().commit(insertion(record));
      await store()[Symbol.asyncDispose]();
      expect(store().peek(record.id)).toBe("pending");
      expect(store().commitNow(revisionOf(record, {}, { durability: "behind" }))).toBe(false);
    });

    test("once disposed of, it does not pretend to be alive", async () => {
      await store()[Symbol.asyncDispose]();
      await expect(async () => store().recordAlive(builtAt)).rejects.toThrow(StoreUnavailable);
    });
  });
}
