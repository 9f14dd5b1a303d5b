import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { DurationMs, EpochMs } from "../../../../src/core/time.ts";
import type { SharedStore } from "../../../../src/service/session-store.ts";
import { openRedisStore } from "../../../../src/store/redis/open-redis-store.ts";
import { bucketOf, keysOf } from "../../../../src/store/redis/records/redis-keys.ts";
import { beachOfHeld, holdFastPath, holdSession } from "../../../support/callers/held-session.ts";
import { type RunningService, runService } from "../../../support/process/run-service.ts";
import { hasRedis, type RedisServer, startRedis } from "../../../support/redis/redis-server.ts";
import { manualClock } from "../../../support/service/manual-clock.ts";
import { builtAt } from "../../../support/store/store-records.ts";

const inTime = { timeout: 15_000 };
const minute: DurationMs = 60_000;
const hour: DurationMs = 60 * minute;

let server: RedisServer;

describe.skipIf(!hasRedis)("in Redis", () => {
  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(() => server.command("FLUSHALL"));
  afterAll(() => server?.[Symbol.asyncDispose]());

  test("no key has a time to live: whatever is forgotten is removed with a notice", async () => {
    const env = { LEASE_STORE_URL: server.url, LEASE_TOKEN_KEY: "k".repeat(32) };
    await using service = await runService({ env });
    const ids = Array.from({ length: 12 }, (_, index) => `session-${index}`);
    await Promise.all(ids.map((id, index) => liveThrough(service, id, index)));
    const detach = (sessionId: string) => service.registry.detachSession({ sessionId });
    const ended = ids.slice(0, 5);
    await Promise.all(ended.map(detach));
    const [back = "", ...gone] = ended;
    await holdFastPath(service, back);
    // Rates are stored by the next heartbeats.
    const { rates, ratesOf, ratesKept } = ratesKeys();
    await expect.poll(allKeys, inTime).toEqual(expect.arrayContaining([rates, ratesOf, ratesKept]));

    const keys = await allKeys();
    const held = ids.map((id) => keysOf(id).session(id));
    expect(keys).toEqual(expect.arrayContaining(held));
    expect(await withTimeToLive(keys)).toEqual([]);
    for (const id of gone)
      expect(await server.command("ZSCORE", keysOf(id).deadlines, id)).toBeTruthy();
  });

  test("a tombstone that an earlier version gave a time to live stays when its session comes back", async () => {
    const env = { LEASE_STORE_URL: server.url, LEASE_TOKEN_KEY: "k".repeat(32) };
    await using service = await runService({ env });
    const { id: sessionId } = await holdSession(service, "session-1");
    await service.registry.detachSession({ sessionId });
    const key = keysOf(sessionId).session(sessionId);
    await server.command("PEXPIRE", key, "600000");
    await holdSession(service, sessionId);
    expect(await withTimeToLive([key])).toEqual([]);
  });

  describe("what was counted at a beach", () => {
    let store: SharedStore;
    const [busy = "", quiet = ""] = beachesOfOneBucket(2);

    beforeEach(async () => {
      store = await openRedisStore(server.url, { clock: manualClock(builtAt) });
      return () => store[Symbol.asyncDispose]();
    });

    /** Of some process, which notes a negotiation at the beaches if any. */
    async function heartbeat(now: EpochMs, ...beaches: readonly string[]): Promise<void> {
      for (const beach of beaches) store.noteNegotiation(beach, now);
      await store.heartbeat(bucketOf(busy), { now, quietMs: 30_000, kind: "absence", after: 0 });
    }

    test("goes with the heartbeats once it was quiet there for more than an hour", async () => {
      await heartbeat(builtAt, busy, quiet);
      await heartbeat(builtAt + 40 * minute, busy);
      await heartbeat(builtAt + hour);
      expect(await ringsLeft([busy, quiet])).toEqual([busy, quiet]);
      await heartbeat(builtAt + hour + 1);
      expect(await ringsLeft([busy, quiet])).toEqual([busy]);
      const rates = await store.ratesAt(builtAt + hour + 1, busy);
      expect(rates.renegotiationsLastHour).toBe(1);
      await heartbeat(builtAt + 100 * minute + 1);
      expect(await allKeys()).toEqual([keysOf(busy).state, keysOf(busy).gaps]);
    });

    test("stays although a process whose clock is behind was the last to count", async () => {
      await heartbeat(builtAt + 10, busy);
      await heartbeat(builtAt, busy);
      await heartbeat(builtAt + hour + 5);
      expect(await ringsLeft([busy])).toEqual([busy]);
    });

    test("frees a little at a time, and more than is added", async () => {
      const beaches = beachesOfOneBucket(90);
      const quiet = beaches.slice(0, 60);
      await heartbeat(builtAt, ...quiet);
      const left = async () => (await ringsLeft(quiet)).length;
      await heartbeat(builtAt + 2 * hour);
      // What was counted over all beaches is the first to go.
      expect(await left()).toBe(60 - 9);
      await heartbeat(builtAt + 2 * hour, ...beaches.slice(60));
      expect(await left()).toBe(60 - 9 - 41);
      await heartbeat(builtAt + 2 * hour);
      expect(await left()).toBe(0);
      expect(await ringsLeft(beaches)).toEqual(beaches.slice(60));
    });
  });
});

/** One of each two with its handshake in flight and its lease released, the other on its fast path. */
async function liveThrough(service: RunningService, id: string, index: number): Promise<void> {
  const held = await (index % 2 === 0 ? holdSession : holdFastPath)(service, id);
  await held.renew();
  if (index % 2 > 0) return;
  await service.lease.release({ sessionId: id, controllerToken: held.token });
}

function ratesKeys() {
  const keys = keysOf(beachOfHeld);
  return { ...keys, ratesOf: keys.ratesOf(beachOfHeld) };
}

/** Ids of beaches whose rates lie in the same bucket; the more are asked for, the more follow. */
function beachesOfOneBucket(count: number): readonly string[] {
  const ids = Array.from({ length: 100 * count }, (_, index) => `beach-${index}`);
  return ids.filter((id) => bucketOf(id) === bucketOf("beach-0")).slice(0, count);
}

/** Those of the beaches whose rates are still stored. */
async function ringsLeft(beaches: readonly string[]): Promise<readonly string[]> {
  const keys = new Set(await allKeys());
  return beaches.filter((beach) => keys.has(keysOf(beach).ratesOf(beach)));
}

async function allKeys(): Promise<readonly string[]> {
  const keys: string[] = [];
  let cursor = "0";
  do {
    const [next, some] = (await server.command("SCAN", cursor)) as [string, string[]];
    keys.push(...some);
    cursor = next;
  } while (cursor !== "0");
  return [...new Set(keys)].toSorted();
}

async function withTimeToLive(keys: readonly string[]): Promise<readonly string[]> {
  const lives = await Promise.all(keys.map((key) => server.command("PTTL", key)));
  return keys.filter((_, index) => Number(lives[index]) >= 0);
}
