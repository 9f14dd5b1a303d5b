import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { SessionId } from "../../src/core/ids.ts";
import { hasRedis, type RedisServer, startRedis } from "../support/redis-server.ts";
import { accepted, type RedisServiceUnderTest, redisService } from "../support/redis-service.ts";
import { attach } from "../support/session-service.ts";
import { acquire } from "../support/watching.ts";

const policy = { leaseTtlMs: 1_000, leaseTtlMsMin: 1_000 };
/** Far below the minute after which a process looks of itself where it is the only one. */
const inTime = { timeout: 15_000 };

describe.skipIf(!hasRedis)("deadlines of sessions that processes share", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(() => server.command("FLUSHALL"));
  afterAll(() => server?.[Symbol.asyncDispose]());

  test("are kept by another process when the one that set them is gone", async () => {
    await using staying = await redisService(server.url, { policy });
    {
      await using going = await redisService(server.url, { policy });
      await accepted(going, "s1", attach);
      await acquire(going, "s1", "tile");
      expect(expiredIn(going)).toEqual([]);
    }
    await expect.poll(() => expiredIn(staying), inTime).toEqual(["s1"]);
  });

  test("are kept once, whoever comes first", async () => {
    await using one = await redisService(server.url, { policy });
    await using other = await redisService(server.url, { policy });
    const ids = Array.from({ length: 40 }, (_, index) => `s${index}`);
    for (const [index, id] of ids.entries()) {
      const setter = index % 2 === 0 ? one : other;
      await accepted(setter, id, attach);
      await acquire(setter, id, "tile");
    }
    const expired = (): readonly SessionId[] => [...expiredIn(one), ...expiredIn(other)];
    await expect.poll(() => expired().length, inTime).toBeGreaterThanOrEqual(ids.length);
    expect(expired().toSorted()).toEqual(ids.toSorted());
  });
});

/** Sessions whose lease this process found to have expired. */
function expiredIn({ seen }: RedisServiceUnderTest): readonly SessionId[] {
  return seen.flatMap((event) =>
    event.kind === "happened" && event.event.kind === "LeaseEnded" ? [event.sessionId] : [],
  );
}
