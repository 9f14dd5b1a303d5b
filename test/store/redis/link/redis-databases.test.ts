import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { hasRedis, type RedisServer, startRedis } from "../../../support/redis/redis-server.ts";
import { accepted, redisService } from "../../../support/redis/redis-service.ts";
import { attach } from "../../../support/service/session-service.ts";
import { acquire, named, type Reader, watch } from "../../../support/service/watching.ts";

const inTime = { timeout: 15_000 };
const id = "session-1";
const changes = 8;

describe.skipIf(!hasRedis)("two fleets on two databases of one Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test("each sees all of its own changes, and reads nothing for the other's", async () => {
    await using started = new AsyncDisposableStack();
    const start = async (url: string) => started.use(await redisService(url));
    const elsewhere = await start(`${server.url}/1`);
    await accepted(elsewhere, id, attach);
    // Far ahead in their count of changes before the others begin.
    for (let index = 0; index < 5; index += 1) await acquire(elsewhere, id, `before-${index}`);
    const writing = await start(server.url);
    const watching = await start(server.url);
    await accepted(writing, id, attach);
    await using reader = watch(watching.service, named(id));
    await reader.untilBookmark();
    let missed = 0;
    watching.store.follow({ isWanted: () => false, changed: () => {}, missed: () => missed++ });

    for (let index = 0; index < changes; index += 1) {
      await acquire(elsewhere, id, `elsewhere-${index}`);
      await acquire(writing, id, `here-${index}`);
      await leasesSeenBy(reader, index + 1);
    }
    // Two heartbeats of every process have come and gone by then.
    const heartbeatsDoneAt = watching.clock.now() + 2_000;
    await expect.poll(() => watching.clock.now(), inTime).toBeGreaterThan(heartbeatsDoneAt);
    expect(missed).toBe(0);
  });
});

/** Resolves when a state with so many live leases is received. */
async function leasesSeenBy(reader: Reader, count: number): Promise<void> {
  for (;;) {
    const message = await reader.next();
    if (message.kind === "state" && message.session.leases.live.length === count) return;
  }
}
