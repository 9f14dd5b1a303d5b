import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { SessionId } from "../../src/core/ids.ts";
import type { SessionRecord } from "../../src/core/session.ts";
import {
  type ChangeNotice,
  type SessionStore,
  StoreUnavailable,
} from "../../src/service/session-store.ts";
import {
  builtAt,
  busySession,
  insertion,
  removal,
  revisionOf,
  sessionRecord,
  sessionsOf,
  tombstoneRecord,
} from "../support/store/store-records.ts";

/** An empty store; disposing of this removes what it leaves behind. */
export interface OpenStore<S extends SessionStore = SessionStore> extends AsyncDisposable {
  readonly store: S;
}

/** Opens a store before each test that is described beside it, and disposes of it afterwards. */
export function testsOn<S extends SessionStore>(
  open: () => Promise<OpenStore<S>>,
): { readonly store: () => S; readonly test: typeof test } {
  let opened: OpenStore<S>;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(async () => {
    await opened.store[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
  });
  return { store: () => opened.store, test };
}

/** What every store promises. Each test gets a store of its own. */
export function describeSessionStore(name: string, open: () => Promise<OpenStore>): void {
  describe(`${name}, as every session store,`, () => {
    const { store: storeOf } = testsOn(open);
    const insert = async (record: SessionRecord, deadline?: number): Promise<void> => {
      expect(await storeOf().commit(insertion(record, { deadline }))).toBe("committed");
    };

    describeCommits(storeOf, insert);
    describeDeadlines(storeOf, insert);
    describeLists(storeOf, insert);
    describeNotices(storeOf, insert);

    test("once disposed of, it is unavailable, and disposing again is no error", async () => {
      const store = storeOf();
      await insert(sessionRecord());
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await expect(async () => store.load("session-1")).rejects.toThrow(StoreUnavailable);
      const late = insertion(sessionRecord({ id: "session-2" }));
      await expect(async () => store.commit(late)).rejects.toThrow(StoreUnavailable);
      await expect(async () => store.due(builtAt, 1)).rejects.toThrow(StoreUnavailable);
    });
  });
}

type Insert = (record: SessionRecord, deadline?: number) => Promise<void>;

function describeCommits(storeOf: () => SessionStore, insert: Insert): void {
  test("a record is loaded exactly as it was committed", async () => {
    const record = busySession();
    await insert(record);
    expect(await storeOf().load(record.id)).toEqual(record);
  });

  test("nothing is kept under an unknown id", async () => {
    expect(await storeOf().load("session-9")).toBeUndefined();
  });

  test("a commit that expects an older revision conflicts and changes nothing", async () => {
    const first = sessionRecord();
    const second = revisionOf(first);
    await insert(first);
    await storeOf().commit(second);
    const stale = revisionOf(first, { version: builtAt + 99 });
    expect(await storeOf().commit(stale)).toBe("conflict");
    expect(await storeOf().load(first.id)).toEqual(second.next);
  });

  test("a commit that expects no record conflicts with one that exists", async () => {
    await insert(sessionRecord());
    expect(await storeOf().commit(insertion(tombstoneRecord()))).toBe("conflict");
  });

  test("a commit that expects a record does not take effect on nothing", async () => {
    expect(await storeOf().commit(revisionOf(sessionRecord()))).not.toBe("committed");
    expect(await storeOf().commit(removal(sessionRecord()))).not.toBe("committed");
  });

  test.each(["durable", "behind"] as const)(
    "of several %s commits at once with the same expected revision one takes effect",
    async (durability) => {
      const first = sessionRecord();
      await insert(first);
      const changes = [1, 2, 3, 4].map((step) =>
        revisionOf(first, { version: first.version + step }, { durability }),
      );
      const results = await Promise.all(changes.map((change) => storeOf().commit(change)));
      expect(results.toSorted()).toEqual(["committed", "conflict", "conflict", "conflict"]);
      const winner = changes[results.indexOf("committed")];
      expect(await storeOf().load(first.id)).toEqual(winner?.next);
    },
  );

  test("of several sessions made known at once under one id one takes effect", async () => {
    const attempts = ["beach-1", "beach-2"].map((beachId) => insertion(sessionRecord({ beachId })));
    const results = await Promise.all(attempts.map((attempt) => storeOf().commit(attempt)));
    expect(results.toSorted()).toEqual(["committed", "conflict"]);
  });

  test("a load while a commit is under way shows the record before or after, never another", async () => {
    const first = sessionRecord();
    await insert(first);
    const change = revisionOf(first);
    const committing = storeOf().commit(change);
    const seen = await storeOf().load(first.id);
    expect([first, change.next]).toContainEqual(seen);
    await committing;
    expect(await storeOf().load(first.id)).toEqual(change.next);
  });

  test("a change written behind is shown at once, and the next durable one builds on it", async () => {
    const first = sessionRecord();
    await insert(first);
    const extension = revisionOf(first, {}, { durability: "behind" });
    expect(await storeOf().commit(extension)).toBe("committed");
    expect(await storeOf().load(first.id)).toEqual(extension.next);
    const durable = revisionOf(extension.next);
    expect(await storeOf().commit(durable)).toBe("committed");
    expect(await storeOf().load(first.id)).toEqual(durable.next);
  });

  test("revisions may rise by more than one", async () => {
    const first = sessionRecord();
    await insert(first);
    const change = revisionOf(first, { revision: first.revision + 5 });
    expect(await storeOf().commit(change)).toBe("committed");
    expect((await storeOf().load(first.id))?.revision).toBe(6);
  });

  test("a forgotten session leaves nothing, and can become known again", async () => {
    const first = sessionRecord();
    await insert(first, builtAt);
    await storeOf().commit(removal(first));
    expect(await storeOf().load(first.id)).toBeUndefined();
    expect(await storeOf().due(builtAt, 10)).toEqual([]);
    expect(await storeOf().list({ beachId: undefined, after: undefined, limit: 10 })).toEqual([]);
    await insert(first);
  });
}

function describeDeadlines(storeOf: () => SessionStore, insert: Insert): void {
  const insertDue = async (deadlines: Readonly<Record<SessionId, number>>): Promise<void> => {
    for (const [id, deadline] of Object.entries(deadlines)) {
      await insert(sessionRecord({ id }), deadline);
    }
  };

  test("sessions are due at their deadline, not before, earliest first", async () => {
    await insertDue({ a: builtAt + 30, b: builtAt + 10, c: builtAt + 20, d: builtAt + 40 });
    expect(await storeOf().due(builtAt + 9, 10)).toEqual([]);
    expect(await storeOf().due(builtAt + 30, 10)).toEqual(["b", "c", "a"]);
  });

  test("a deadline that moved later is due at its new place only", async () => {
    await insertDue({ a: builtAt + 10, b: builtAt + 20 });
    const extension = { deadline: builtAt + 30, durability: "behind" } as const;
    await storeOf().commit(revisionOf(sessionRecord({ id: "a" }), {}, extension));
    expect(await storeOf().due(builtAt + 19, 10)).toEqual([]);
    expect(await storeOf().due(builtAt + 30, 10)).toEqual(["b", "a"]);
  });

  test("a deadline that moved earlier is due at its new place", async () => {
    await insertDue({ a: builtAt + 100, b: builtAt + 20 });
    await storeOf().commit(revisionOf(sessionRecord({ id: "a" }), {}, { deadline: builtAt + 10 }));
    expect(await storeOf().nextDeadline()).toBe(builtAt + 10);
    expect(await storeOf().due(builtAt + 20, 10)).toEqual(["a", "b"]);
  });

  test("a postponed session is due at that moment, or when a commit makes it due", async () => {
    await insertDue({ a: builtAt, b: builtAt + 5 });
    expect(await storeOf().due(builtAt + 1, 10)).toEqual(["a"]);
    await storeOf().postpone("a", builtAt + 10);
    expect(await storeOf().due(builtAt + 4, 10)).toEqual([]);
    expect(await storeOf().due(builtAt + 10, 10)).toEqual(["b", "a"]);
    await storeOf().postpone("a", builtAt + 20);
    await storeOf().commit(revisionOf(sessionRecord({ id: "a" }), {}, { deadline: builtAt + 8 }));
    expect(await storeOf().due(builtAt + 9, 10)).toContain("a");
    await storeOf().postpone("nobody", builtAt);
    expect(await storeOf().due(builtAt + 9, 10)).not.toContain("nobody");
  });

  test("a session without a deadline is never due", async () => {
    await insertDue({ a: builtAt });
    await insert(sessionRecord({ id: "b" }));
    await storeOf().commit(revisionOf(sessionRecord({ id: "a" })));
    expect(await storeOf().due(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    expect(await storeOf().nextDeadline()).toBeUndefined();
  });

  test("the next deadline is never later than the earliest", async () => {
    expect(await storeOf().nextDeadline()).toBeUndefined();
    await insertDue({ a: builtAt + 20, b: builtAt + 10 });
    expect(await storeOf().nextDeadline()).toBe(builtAt + 10);
    await storeOf().commit(revisionOf(sessionRecord({ id: "b" }), {}, { deadline: builtAt + 30 }));
    await storeOf().due(builtAt + 10, 10);
    expect(await storeOf().nextDeadline()).toBe(builtAt + 20);
  });
}

function describeLists(storeOf: () => SessionStore, insert: Insert): void {
  const idsOf = async (
    beachId: string | undefined,
    after: string | undefined,
    limit: number,
  ): Promise<readonly SessionId[]> => {
    const page = await storeOf().list({ beachId, after, limit });
    return page.map((record) => record.id);
  };

  test("sessions are listed by id, a page at a time, of one beach or of all", async () => {
    const records = [
      ...sessionsOf("beach-1", ["d", "a", "f"]),
      ...sessionsOf("beach-2", ["c", "b", "e"]),
    ];
    for (const record of records) await insert(record);
    expect(await idsOf(undefined, undefined, 10)).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(await idsOf(undefined, "b", 3)).toEqual(["c", "d", "e"]);
    expect(await idsOf("beach-1", undefined, 2)).toEqual(["a", "d"]);
    expect(await idsOf("beach-1", "d", 2)).toEqual(["f"]);
    expect(await idsOf("beach-1", "f", 2)).toEqual([]);
    expect(await idsOf("beach-3", undefined, 2)).toEqual([]);
  });

  test("a page may begin after an id that does not exist", async () => {
    for (const record of sessionsOf("beach-1", ["a", "c"])) await insert(record);
    expect(await idsOf("beach-1", "b", 10)).toEqual(["c"]);
    expect(await idsOf(undefined, "b", 10)).toEqual(["c"]);
  });

  test("lists show attached sessions only, as they are now", async () => {
    const [a, b] = sessionsOf("beach-1", ["a", "b"]);
    if (a === undefined || b === undefined) throw new Error("two sessions were asked for");
    await insert(a);
    await insert(b);
    const detached = insertion(tombstoneRecord({ id: "a", revision: 2 }), { previous: a });
    await storeOf().commit(detached);
    expect(await idsOf("beach-1", undefined, 10)).toEqual(["b"]);
    const attached = sessionRecord({ id: "a", beachId: "beach-2", revision: 3 });
    await storeOf().commit(insertion(attached, { previous: detached.next }));
    expect(await storeOf().list({ beachId: "beach-2", after: undefined, limit: 10 })).toEqual([
      attached,
    ]);
    expect(await idsOf("beach-1", undefined, 10)).toEqual(["b"]);
  });

  test("thousands of sessions added in any order are listed in order", async () => {
    const ids = Array.from({ length: 3000 }, (_, index) => `s${(index * 7919) % 3000}`);
    const all = sessionsOf("beach-1", ids);
    await Promise.all(all.map((record) => storeOf().commit(insertion(record))));
    const gone = all.filter((_, index) => index % 3 === 0);
    await Promise.all(gone.map((record) => storeOf().commit(removal(record))));
    const left = ids.filter((_, index) => index % 3 !== 0).toSorted();
    expect(await idsOf("beach-1", undefined, 5000)).toEqual(left);
    expect(await idsOf(undefined, left[500], 1000)).toEqual(left.slice(501, 1501));
  });
}

function describeNotices(storeOf: () => SessionStore, insert: Insert): void {
  test("a listener is notified of every commit once, in order of revisions, until it leaves", async () => {
    const notices: ChangeNotice[] = [];
    const listening = storeOf().changes((notice) => notices.push(notice));
    const first = sessionRecord();
    await insert(first);
    const behind = revisionOf(first, {}, { durability: "behind" });
    const durable = revisionOf(behind.next);
    await storeOf().commit(behind);
    await storeOf().commit(durable);
    await storeOf().commit(revisionOf(first));
    await storeOf().commit(removal(durable.next));
    const expected = [
      { id: first.id, previous: undefined, next: first },
      { id: first.id, previous: first, next: behind.next },
      { id: first.id, previous: behind.next, next: durable.next },
      { id: first.id, previous: durable.next, next: undefined },
    ];
    expect(notices).toEqual(expected);
    listening[Symbol.dispose]();
    await insert(first);
    expect(notices).toHaveLength(expected.length);
  });

  test("a listener that is notified of a change can load it", async () => {
    const seen: unknown[] = [];
    using _ = storeOf().changes(({ id, next }) => seen.push([storeOf().load(id), next]));
    const record = sessionRecord();
    await insert(record);
    const [loaded, notified] = seen[0] as [Promise<SessionRecord>, SessionRecord];
    expect(await loaded).toEqual(notified);
  });
}
