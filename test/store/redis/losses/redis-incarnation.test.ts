import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { type SharedStore, StoreUnavailable } from "../../../../src/service/session-store.ts";
import { openRedisStore } from "../../../../src/store/redis/open-redis-store.ts";
import { keysOf } from "../../../../src/store/redis/records/redis-keys.ts";
import {
  freePort,
  hasRedis,
  type RedisServer,
  startRedis,
} from "../../../support/redis/redis-server.ts";
import { manualClock } from "../../../support/service/manual-clock.ts";
import {
  basis,
  builtAt,
  insertion,
  revisionOf,
  sessionRecord,
} from "../../../support/store/store-records.ts";

const record = sessionRecord();
const { state } = keysOf(record.id);
const key = keysOf(record.id).session(record.id);

describe.skipIf(!hasRedis)("a store that is served by another Redis than before", () => {
  let server: RedisServer;
  let store: SharedStore;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await server.command("FLUSHALL");
    store = await openRedisStore(server.url, { clock: manualClock(builtAt) });
    await heartbeat(builtAt);
    expect(await store.commit(insertion(record))).toBe("committed");
  });
  afterEach(() => store[Symbol.asyncDispose]());

  async function heartbeat(now: number) {
    const bucket = store.bucketOf(record.id);
    return store.heartbeat(bucket, { now, quietMs: 30_000, kind: "absence", after: 0 });
  }

  test.each(["durable", "behind"] as const)(
    "takes no %s change that was decided before that was known",
    async (durability) => {
      await server.command("HSET", state, "origin", "another");
      const change = revisionOf(record, {}, { durability });
      expect(await store.commit(change)).toBe("unaware");
      const { incarnation } = await heartbeat(builtAt);
      expect(incarnation).toBeGreaterThan(basis.incarnation);
      expect(await store.commit(change)).toBe("unaware");
      expect(await store.commit({ ...change, basis: { ...basis, incarnation } })).toBe("committed");
    },
  );

  test("begins an incarnation when it answers with less than this process knew", async () => {
    await server.command("COPY", key, `${key}:copy`);
    await store.commit(revisionOf(record));
    const { incarnation: before } = await heartbeat(builtAt);
    await server.command("COPY", `${key}:copy`, key, "REPLACE");
    expect(await store.load(record.id)).toEqual(record);
    expect((await heartbeat(builtAt)).incarnation).toBeGreaterThan(before);
  });

  test("begins one, too, when a session is gone that this process knew", async () => {
    const { incarnation: before } = await heartbeat(builtAt);
    await server.command("DEL", key);
    expect(await store.commit(revisionOf(record))).toBe("conflict");
    expect((await heartbeat(builtAt)).incarnation).toBeGreaterThan(before);
  });

  test("answers no question once it is a replica, since it may not have everything", async () => {
    await server.command("REPLICAOF", "127.0.0.1", String(await freePort()));
    try {
      await expect(store.load(record.id)).rejects.toThrow(StoreUnavailable);
    } finally {
      await server.command("REPLICAOF", "NO", "ONE");
    }
  });
});
