import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { SessionId } from "../../src/core/ids.ts";
import type { Session, SessionRecord } from "../../src/core/session.ts";
import { nothingCounted } from "../../src/service/figures/fleet-counts.ts";
import type { ChangeNotice, Heartbeat, SharedStore } from "../../src/service/session-store.ts";
import { timersMadeDuring } from "../support/process/timers-made.ts";
import {
  basis,
  builtAt,
  busySession,
  insertion,
  removal,
  revisionOf,
  sessionRecord,
  sessionsOf,
  tombstoneRecord,
} from "../support/store/store-records.ts";
import { describeSessionStore } from "./store-conformance.ts";

/** An empty place that any number of stores may be opened on. */
export interface SharedPlace extends AsyncDisposable {
  open(): Promise<SharedStore>;
}

/** What every store promises that processes share. */
export function describeSharedStore(name: string, prepare: () => Promise<SharedPlace>): void {
  describeSessionStore(name, async () => {
    const place = await prepare();
    return {
      store: await reached(await place.open()),
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  });

  describe(`${name}, shared by two processes,`, () => {
    let place: SharedPlace;
    let one: SharedStore;
    let other: SharedStore;

    beforeEach(async () => {
      place = await prepare();
      one = await reached(await place.open());
      other = await reached(await place.open());
    });

    afterEach(async () => {
      await one[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    });

    const both = (): readonly [SharedStore, SharedStore] => [one, other];
    describeSharing(both);
    describeClaims(both);
    describeNotices(both);
    describeHeartbeats(both);
    describeCounts(both);
    describeRates(both);
  });
}

type Both = () => readonly [SharedStore, SharedStore];

/** So long that a machine under load makes no gap: a server has a clock of its own. */
const quietMs = 30_000;
const heartbeat: Heartbeat = { now: builtAt, quietMs, kind: "absence", after: 0 };

/** As a process does first: every bucket knows that it is reached, and in which incarnation. */
async function reached(store: SharedStore): Promise<SharedStore> {
  const buckets = Array.from({ length: store.buckets }, (_, bucket) => bucket);
  await Promise.all(buckets.map((bucket) => store.heartbeat(bucket, heartbeat)));
  return store;
}

function describeSharing(both: Both): void {
  test("one loads and builds on what the other commits", async () => {
    const [one, other] = both();
    const record = busySession();
    await one.commit(insertion(record));
    expect(await other.load(record.id)).toEqual(record);
    const change = revisionOf(record);
    expect(await other.commit(change)).toBe("committed");
    expect(await one.load(record.id)).toEqual(change.next);
  });

  test("a recalled record may be out of date, and then does not commit", async () => {
    const [one, other] = both();
    const record = sessionRecord();
    await one.commit(insertion(record));
    expect(one.recall(record.id)).toEqual(record);
    const change = revisionOf(record, {}, { durability: "behind" });
    await other.commit(change);
    expect(one.recall(record.id)).toEqual(record);
    expect(await one.commit(revisionOf(record))).toBe("conflict");
    // The conflict brings what is there, so that the next try needs no question.
    expect(one.recall(record.id)).toEqual(change.next);
  });

  test("of many commits of both at once with the same expected revision one takes effect", async () => {
    const [one, other] = both();
    const record = sessionRecord();
    await one.commit(insertion(record));
    const stores = [one, other, one, other, one, other];
    const results = await Promise.all(stores.map((store) => store.commit(revisionOf(record))));
    expect(results.filter((result) => result === "committed")).toHaveLength(1);
    expect(results.filter((result) => result === "conflict")).toHaveLength(5);
  });

  test("a call makes no timer", async () => {
    const [one] = both();
    const calls = 200;
    const made = await timersMadeDuring(async () => {
      for (let call = 1; call <= calls; call += 1) await one.load("session-1");
    });
    // The connection has some of its own.
    expect(made).toBeLessThan(calls / 4);
  });

  test("a tombstone expires in time, and both processes are notified", async () => {
    const [one, other] = both();
    const record = sessionRecord();
    await one.commit(insertion(record, { deadline: builtAt + 1 }));
    const buried = tombstoneRecord({ revision: 2 });
    const detached = insertion(buried, { previous: record, deadline: builtAt + 40 });
    await one.commit(detached);
    expect(await other.due(builtAt + 39, 10)).toEqual([]);
    expect(await other.load(record.id)).toEqual(buried);
    expect(await other.due(builtAt + 40, 10)).toEqual([record.id]);
    const received: (readonly [SessionId, SessionRecord | undefined])[] = [];
    const changed = (...news: (typeof received)[number]): void => void received.push(news);
    one.follow({ isWanted: () => true, changed, missed: () => {} });
    const noticed: ChangeNotice[] = [];
    other.changes((notice) => noticed.push(notice));
    await other.commit(removal(buried));
    expect(noticed).toEqual([{ id: record.id, previous: buried, next: undefined }]);
    await expect.poll(() => received).toEqual([[record.id, undefined]]);
    expect(await other.commit(insertion(sessionRecord()))).toBe("committed");
  });

  test("a deadline of which the session is gone is forgotten", async () => {
    const [one, other] = both();
    const record = sessionRecord();
    await one.commit(insertion(record, { deadline: builtAt }));
    await one.commit(removal(record));
    await other.postpone(record.id, builtAt);
    expect(await other.due(builtAt, 10)).toEqual([]);
    expect(await other.nextDeadline()).toBeUndefined();
  });

  test("a session that comes back from its tombstone outlives it", async () => {
    const [one, other] = both();
    const buried = tombstoneRecord();
    await one.commit(insertion(buried, { deadline: builtAt + 60 }));
    const back = sessionRecord({ revision: 2 });
    await other.commit(insertion(back, { previous: buried }));
    expect(await other.due(builtAt + 60, 10)).toEqual([]);
    expect(await one.load(back.id)).toEqual(back);
  });
}

function describeClaims(both: Both): void {
  test("a due session is handed to one of the two, and again when its claim is over", async () => {
    const [one, other] = both();
    const ids = Array.from({ length: 40 }, (_, index) => `s${index}`);
    for (const record of sessionsOf("beach-1", ids)) {
      await one.commit(insertion(record, { deadline: builtAt }));
    }
    const handed = await Promise.all([one.due(builtAt, 100), other.due(builtAt, 100)]);
    expect(handed.flat().toSorted()).toEqual(ids.toSorted());
    expect(await one.due(builtAt + 1_999, 100)).toEqual([]);
    expect((await other.due(builtAt + 2_000, 100)).toSorted()).toEqual(ids.toSorted());
  });

  test("a commit of a claimed session sets when it is due next", async () => {
    const [one, other] = both();
    const record = sessionRecord();
    await one.commit(insertion(record, { deadline: builtAt }));
    await one.due(builtAt, 1);
    await other.commit(revisionOf(record, {}, { deadline: builtAt + 500 }));
    expect(await one.nextDeadline()).toBe(builtAt + 500);
    expect(await other.due(builtAt + 500, 1)).toEqual([record.id]);
  });
}

function describeNotices(both: Both): void {
  /** Listens to everything that the other process changes. */
  function followedBy(store: SharedStore, wanted = true) {
    const received: (readonly [SessionId, SessionRecord | undefined])[] = [];
    const missed: number[] = [];
    store.follow({
      isWanted: () => wanted,
      changed: (id, record) => received.push([id, record]),
      missed: (bucket) => missed.push(bucket),
    });
    return { received, missed };
  }

  test("a follower receives the newest state of a session that the other changed", async () => {
    const [one, other] = both();
    const { received } = followedBy(other);
    const record = sessionRecord();
    await one.commit(insertion(record));
    await expect.poll(() => received).toEqual([[record.id, record]]);
    const change = revisionOf(record, { version: builtAt + 1 });
    await one.commit(change);
    await expect.poll(() => received.at(-1)).toEqual([record.id, change.next]);
  });

  test("no follower is notified of a renewal, or of a session that none wants", async () => {
    const [one, other] = both();
    const { received } = followedBy(other);
    const unwanted = followedBy(one, false);
    const record = sessionRecord();
    await other.commit(insertion(record));
    await one.commit(revisionOf(record, {}, { durability: "behind" }));
    const last = sessionRecord({ id: "last" });
    await one.commit(insertion(last));
    await expect.poll(() => received).toEqual([[last.id, last]]);
    expect(unwanted.received).toEqual([]);
  });

  test("a notice that was lost is missed by the second heartbeat after it", async () => {
    const [one, other] = both();
    const record = sessionRecord();
    const bucket = one.bucketOf(record.id);
    const { missed } = followedBy(other);
    await one.commit(insertion(record));
    await other.heartbeat(bucket, heartbeat);
    await other.heartbeat(bucket, heartbeat);
    expect(missed).toEqual([]);
  });
}

function describeHeartbeats(both: Both): void {
  test("a bucket that some process always reaches has no gap", async () => {
    const [one, other] = both();
    const end = builtAt + 8 * quietMs;
    for (let now = builtAt; now < end; now += quietMs)
      await one.heartbeat(0, { ...heartbeat, now });
    const answer = await other.heartbeat(0, { ...heartbeat, now: end });
    expect(answer.gaps).toEqual([]);
  });

  test("the first to reach a bucket again records the gap, once for both", async () => {
    const [one, other] = both();
    const now = builtAt + quietMs + 1;
    const gap = { number: 1, from: builtAt, until: now, kind: "absence" };
    expect((await one.heartbeat(0, { ...heartbeat, now })).gaps).toEqual([gap]);
    expect((await other.heartbeat(0, { ...heartbeat, now: now + 1 })).gaps).toEqual([gap]);
    expect((await other.heartbeat(0, { ...heartbeat, now: now + 2, after: 1 })).gaps).toEqual([]);
    const next = await one.heartbeat(0, {
      ...heartbeat,
      now: now + 80_000,
      kind: "stall",
      after: 1,
    });
    const second = { number: 2, from: now + 2, until: now + 80_000, kind: "stall" };
    expect(next.gaps).toEqual([second]);
  });

  test("a decision made without a gap, an incarnation or an absence on record does not commit", async () => {
    const [one] = both();
    const record = sessionRecord();
    const commit = (of: Partial<typeof basis>) =>
      one.commit(insertion(record, { basis: { ...basis, ...of } }));
    expect(await commit({ reachedSince: builtAt + 1 })).toBe("unaware");
    expect(await commit({ incarnation: basis.incarnation - 1 })).toBe("unaware");
    const now = builtAt + quietMs + 1;
    await one.heartbeat(one.bucketOf(record.id), { ...heartbeat, now });
    expect(await commit({})).toBe("unaware");
    expect(await one.load(record.id)).toBeUndefined();
    expect(await commit({ gap: 1, reachedSince: now })).toBe("committed");
  });
}

function describeRates(both: Both): void {
  const minute = 60_000;

  test("recent events on both are known to either after their next heartbeats", async () => {
    const [one, other] = both();
    for (const store of [one, other, other]) store.noteRenewals("beach-1", builtAt, 1);
    one.noteRenewals("beach-2", builtAt, 1);
    other.noteNegotiation("beach-2", builtAt);
    await reached(one);
    await reached(other);
    for (const store of both()) {
      const rates = (beachId?: string) => store.ratesAt(builtAt, beachId);
      expect(await rates("beach-1")).toEqual({ renewalsLastMinute: 3, renegotiationsLastHour: 0 });
      expect(await rates("beach-2")).toEqual({ renewalsLastMinute: 1, renegotiationsLastHour: 1 });
      expect(await rates("beach-3")).toEqual({ renewalsLastMinute: 0, renegotiationsLastHour: 0 });
      expect(await rates()).toEqual({ renewalsLastMinute: 4, renegotiationsLastHour: 1 });
    }
  });

  test("each event is counted once, for a minute or an hour", async () => {
    const [one, other] = both();
    for (const at of [builtAt, builtAt + 30_000, builtAt + minute]) {
      one.noteRenewals("beach-1", at, 1);
      one.noteNegotiation("beach-1", at);
      await reached(one);
      await reached(one);
    }
    const at = (now: number) => other.ratesAt(now, "beach-1");
    const both60 = { renewalsLastMinute: 2, renegotiationsLastHour: 3 };
    expect(await at(builtAt + minute)).toEqual(both60);
    expect(await at(builtAt + 2 * minute - 1)).toMatchObject({ renewalsLastMinute: 1 });
    expect(await at(builtAt + 2 * minute)).toMatchObject({ renewalsLastMinute: 0 });
    expect(await at(builtAt + 60 * minute)).toMatchObject({ renegotiationsLastHour: 1 });
    expect(await at(builtAt + 61 * minute)).toMatchObject({ renegotiationsLastHour: 0 });
  });
}

function describeCounts(both: Both): void {
  const negotiating = (id: SessionId, beachId: string): Session =>
    sessionRecord({
      id,
      beachId,
      transport: {
        ...sessionRecord().transport,
        path: {
          kind: "negotiating",
          next: {
            id: "handshake-1",
            attempt: 1,
            reason: "renewed",
            issuedAt: builtAt,
            confirmBy: builtAt + 1,
            channels: [],
            managerUrl: "http://127.0.0.1:8080",
            delivery: undefined,
            manager: undefined,
            host: undefined,
          },
        },
      },
    });

  test("counts are the same for both, and follow every change", async () => {
    const [one, other] = both();
    const busy = busySession({ id: "a" });
    const next = negotiating("b", "beach-2");
    await one.commit(insertion(busy));
    await other.commit(insertion(next));
    const first = { ...nothingCounted, sessions: 1, liveLeases: 1, fastPath: 1 };
    const second = { ...nothingCounted, sessions: 1, pending: 1, negotiationsInFlight: 1 };
    for (const store of [one, other]) {
      expect(await store.count("beach-1")).toEqual(first);
      expect(await store.count("beach-2")).toEqual(second);
      const all = { ...first, sessions: 2, pending: 1, negotiationsInFlight: 1 };
      expect(await store.count(undefined)).toEqual(all);
    }
    await other.commit(removal(busy));
    await one.commit(insertion(tombstoneRecord({ id: "b", revision: 2 }), { previous: next }));
    expect(await one.count(undefined)).toEqual(nothingCounted);
    expect(await other.count("beach-2")).toEqual(nothingCounted);
  });

  test("handshakes in flight towards a manager are known from the next heartbeat on", async () => {
    const [one, other] = both();
    const next = negotiating("b", "beach-2");
    await one.commit(insertion(next));
    expect(one.negotiationsInFlight("http://127.0.0.1:8080")).toBe(1);
    await reached(other);
    expect(other.negotiationsInFlight("http://127.0.0.1:8080")).toBe(1);
    expect(other.negotiationsInFlight("http://127.0.0.1:8081")).toBe(0);
    await one.commit(removal(next));
    await reached(other);
    expect(other.negotiationsInFlight("http://127.0.0.1:8080")).toBe(0);
  });
}
