import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { Session } from "../../../../src/core/session.ts";
import { SessionUnreadable, type SharedStore } from "../../../../src/service/session-store.ts";
import { openRedisStore } from "../../../../src/store/redis/open-redis-store.ts";
import { keysOf } from "../../../../src/store/redis/records/redis-keys.ts";
import { hasRedis, type RedisServer, startRedis } from "../../../support/redis/redis-server.ts";
import { manualClock } from "../../../support/service/manual-clock.ts";
import {
  builtAt,
  insertion,
  manySessions,
  revisionOf,
} from "../../../support/store/store-records.ts";

/** More than one call makes, over all buckets. */
const records = manySessions(250);
const calls = 3;

describe.skipIf(!hasRedis)("changes asked for at once", () => {
  let server: RedisServer;
  let store: SharedStore;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await server.command("FLUSHALL");
    store = await openRedisStore(server.url, { clock: manualClock(builtAt) });
    const heartbeat = { now: builtAt, quietMs: 60_000, kind: "absence", after: 0 } as const;
    for (let bucket = 0; bucket < store.buckets; bucket += 1) {
      await store.heartbeat(bucket, heartbeat);
    }
    return () => store[Symbol.asyncDispose]();
  });

  test("travel in few calls, and each is made", async () => {
    const before = await scriptsRun(server);
    const results = await Promise.all(records.map((record) => store.commit(insertion(record))));
    expect((await scriptsRun(server)) - before).toBe(calls);
    expect(new Set(results)).toEqual(new Set(["committed"]));
    for (const record of records) expect(await store.load(record.id)).toEqual(record);
  });

  test("are each made or refused for itself", async () => {
    await Promise.all(records.map((record) => store.commit(insertion(record))));
    const [late, unreadable, ...others] = records as [Session, Session, ...Session[]];
    await store.commit(revisionOf(late, { activeAt: builtAt + 1 }));
    const key = keysOf(unreadable.id).session(unreadable.id);
    await server.command("DEL", key);
    await server.command("SET", key, "text");

    const results = await Promise.allSettled(
      records.map((record) => store.commit(revisionOf(record, { activeAt: builtAt + 2 }))),
    );
    expect(results[0]).toEqual({ status: "fulfilled", value: "conflict" });
    expect(results[1]).toMatchObject({ reason: expect.any(SessionUnreadable) });
    const committed = { status: "fulfilled", value: "committed" };
    expect(results.slice(2)).toEqual(others.map(() => committed));
  });
});

/** How many scripts the server has run. */
async function scriptsRun(server: RedisServer): Promise<number> {
  const stats = String(await server.command("INFO", "commandstats"));
  return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(stats)?.[1] ?? 0);
}
