import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { StoreUnavailable } from "../../../../src/service/session-store.ts";
import { RedisNotices } from "../../../../src/store/redis/fleet/redis-notices.ts";
import { bucketOf, keysOf } from "../../../../src/store/redis/records/redis-keys.ts";
import { startTcpProxy, type TcpProxy } from "../../../support/network/tcp-proxy.ts";
import {
  freePort,
  hasRedis,
  type RedisServer,
  startRedis,
} from "../../../support/redis/redis-server.ts";
import {
  accepted,
  type RedisServiceUnderTest,
  redisService,
} from "../../../support/redis/redis-service.ts";
import { attach } from "../../../support/service/session-service.ts";
import { acquire, named, type Reader, watch } from "../../../support/service/watching.ts";
import { sessionRecord } from "../../../support/store/store-records.ts";

const id = "session-1";
/** Two heartbeats are a second, the rest is for a busy machine; by itself nothing changes for 15 s. */
const inTime = { timeout: 8_000 };

/** On a cluster, notices come by another connection than answers. */
test("Current: followers are notified of a change that this process read before its notice arrived", () => {
  const record = sessionRecord({ revision: 7 });
  const received: unknown[] = [];
  const notices = new RedisNotices({
    processId: "here",
    known: () => record,
    forget: () => expect.fail("what is known is the newest"),
    load: () => expect.fail("nothing is to be read"),
  });
  notices.follow({
    isWanted: () => true,
    changed: (...news) => received.push(news),
    missed: () => expect.fail("nothing was missed"),
  });
  const noticeBy = (process: string): string =>
    ["1", process, record.revision, record.beachId, record.id].join("\n");
  notices.receive(bucketOf(record.id), noticeBy("there"));
  expect(received).toEqual([[record.id, record]]);
  // A follower learns of its own changes when they are committed.
  notices.receive(bucketOf(record.id), noticeBy("here"));
  expect(received).toHaveLength(1);
});

/** Two processes, of which the one that watches reaches Redis by a way that can be troubled. */
describe.skipIf(!hasRedis)("a process that watches what others change", () => {
  let server: RedisServer;
  let way: TcpProxy;
  let watching: RedisServiceUnderTest;
  let other: RedisServiceUnderTest;
  let reader: Reader;
  let received: readonly number[];

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  beforeEach(async () => {
    await server.command("FLUSHALL");
    await server.command("ACL", "SETUSER", "watching", "on", "nopass", "~*", "&*", "+@all");
    way = await startTcpProxy(server.port);
    watching = await redisService(`redis://watching:any@127.0.0.1:${way.port}`);
    other = await redisService(server.url);
    await accepted(other, id, attach);
    reader = watch(watching.service, named(id));
    received = liveLeasesTo(reader);
    await expect.poll(() => received, inTime).toEqual([0]);
  });

  afterEach(async () => {
    await reader[Symbol.asyncDispose]();
    await watching[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await way[Symbol.asyncDispose]();
  });

  test("Current: learns of it by its notice", async () => {
    await acquire(other, id, "first");
    await expect.poll(() => received, inTime).toEqual([0, 1]);
  });

  test("Current: catches up on changes made while it had no connection", async () => {
    way.pointTo(await freePort());
    way.cut();
    await acquire(other, id, "first");
    way.pointTo(server.port);
    await expect.poll(() => received, inTime).toEqual([0, 1]);
    // And hears again from then on.
    await acquire(other, id, "second");
    await expect.poll(() => received, inTime).toEqual([0, 1, 2]);
  });

  test("Current: notices that a notice never arrived although its connection is up", async () => {
    const missed = missedBy(watching);
    await server.command("HINCRBY", keysOf(id).state, "changes", "1");
    await expect.poll(missed, inTime).toBe(1);
  });

  test("Current: reads everything again when Redis is in another incarnation", async () => {
    const missed = missedBy(watching);
    // As after a failover to a replica that had counted less, and has caught up since.
    await server.command("HSET", keysOf(id).state, "origin", "another");
    await expect.poll(missed, inTime).toBe(1);
  });

  test("Current: keeps its streams while it cannot read, and reads when it can", async () => {
    const missed = missedBy(watching);
    await server.command("ACL", "SETUSER", "watching", "-hget");
    await acquire(other, id, "first");
    await expect.poll(missed, inTime).toBeGreaterThan(0);
    // Asked after the stream asked, so that the stream has its answer too.
    await expect(async () => watching.service.find(id)).rejects.toThrow(StoreUnavailable);
    await server.command("ACL", "SETUSER", "watching", "+hget");
    await expect.poll(() => received, inTime).toEqual([0, 1]);
  });

  test("Current: publishes its own change, though Redis never answered", async () => {
    way.hold("far");
    const lost = acquire(watching, id, "first");
    await expect.poll(() => liveIn(other), inTime).toBe(1);
    await lost;
    expect(watching.seen).toContainEqual(expect.objectContaining({ reason: "STORE_UNAVAILABLE" }));
    way.letGo();
    await expect.poll(() => received, inTime).toEqual([0, 1]);
  });

  test("Current: the same when both the answer and the notice are lost", async () => {
    way.hold("far");
    const lost = acquire(watching, id, "first");
    await expect.poll(() => liveIn(other), inTime).toBe(1);
    way.cut();
    await lost;
    await expect.poll(() => received, inTime).toEqual([0, 1]);
  });

  test("Current: and when it is carried out only after the states were read", async () => {
    way.hold("near");
    await acquire(watching, id, "first");
    // Over a new connection, since nothing is answered on the one that is held.
    await expect.poll(() => watching.service.isStoreAway, inTime).toBe(false);
    await expect.poll(() => liveIn(watching), inTime).toBe(0);
    way.letGo();
    await expect.poll(() => received, inTime).toEqual([0, 1]);
  });
});

/** The live leases of each state received. */
function liveLeasesTo(reader: Reader): readonly number[] {
  const received: number[] = [];
  const take = async (): Promise<void> => {
    for (;;) {
      const message = await reader.next();
      if (message.kind === "state") received.push(message.session.leases.live.length);
    }
  };
  // Its end shows in the states that are missing.
  take().catch(() => {});
  return received;
}

async function liveIn({ service }: RedisServiceUnderTest): Promise<number> {
  const record = await service.find(id);
  return record?.leases.live.length ?? 0;
}

/** How often it was to read everything of the session's bucket again. */
function missedBy({ store }: RedisServiceUnderTest): () => number {
  let count = 0;
  store.follow({
    isWanted: () => false,
    changed: () => {},
    missed: (bucket) => {
      if (bucket === bucketOf(id)) count += 1;
    },
  });
  return () => count;
}
