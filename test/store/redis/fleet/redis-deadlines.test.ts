import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { type SharedStore, StoreUnavailable } from "../../../../src/service/session-store.ts";
import { openRedisStore } from "../../../../src/store/redis/open-redis-store.ts";
import { bucketOf, keysOf } from "../../../../src/store/redis/records/redis-keys.ts";
import { hasRedis, type RedisServer, startRedis } from "../../../support/redis/redis-server.ts";
import { manualClock } from "../../../support/service/manual-clock.ts";
import { builtAt, insertion, sessionRecord } from "../../../support/store/store-records.ts";

const bucket = 3;
/** Two sessions of one bucket. */
const [broken = "", neighbour = ""] = Array.from(
  { length: 200 },
  (_, index) => `session-${index}`,
).filter((id) => bucketOf(id) === bucket);

describe.skipIf(!hasRedis)("two sessions of one part of Redis that are due", () => {
  let server: RedisServer;
  let store: SharedStore;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await server.command("FLUSHALL");
    store = await openRedisStore(server.url, { clock: manualClock(builtAt) });
    const since = { now: builtAt, quietMs: 2_000, kind: "absence", after: 0 } as const;
    await store.heartbeat(bucket, since);
    for (const id of [broken, neighbour]) {
      const change = insertion(sessionRecord({ id }), { deadline: builtAt + 1_000 });
      expect(await store.commit(change)).toBe("committed");
    }
  });
  afterEach(() => store[Symbol.asyncDispose]());

  test("are both claimed, also when one has a key of another type", async () => {
    const key = keysOf(broken).session(broken);
    await server.command("DEL", key);
    await server.command("SET", key, "text");
    expect((await store.due(builtAt + 1_000, 10)).toSorted()).toEqual(
      [broken, neighbour].toSorted(),
    );
    expect(await store.due(builtAt + 1_000, 10)).toEqual([]);
  });

  test("fail to be claimed by a Redis without memory, so that nobody tries again at once", async () => {
    await server.command("CONFIG", "SET", "maxmemory", "1");
    try {
      await expect(store.due(builtAt + 1_000, 10)).rejects.toThrow(StoreUnavailable);
    } finally {
      await server.command("CONFIG", "SET", "maxmemory", "0");
    }
    expect(await store.due(builtAt + 1_000, 10)).toHaveLength(2);
  });
});
