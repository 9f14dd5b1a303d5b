import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { DurationMs, EpochMs } from "../../../../src/core/time.ts";
import { type Clock, systemClock } from "../../../../src/service/time/clock.ts";
import { buckets } from "../../../../src/store/redis/records/redis-keys.ts";
import { hasRedis, type RedisServer, startRedis } from "../../../support/redis/redis-server.ts";
import { accepted, redisService } from "../../../support/redis/redis-service.ts";
import { attach } from "../../../support/service/session-service.ts";
import { acquire } from "../../../support/service/watching.ts";

const hour: DurationMs = 3_600_000;
/** How far apart two readings on a busy machine may be; an hour is what they must not be. */
const near: DurationMs = 10_000;

/** A process whose wall clock is wrong. */
function wrongBy(ms: DurationMs): Clock {
  const right = systemClock();
  return {
    now: () => right.now() + ms,
    wall: () => right.wall() + ms,
    sleep: (duration, signal) => right.sleep(duration, signal),
    jumps: (listener) => right.jumps(listener),
  };
}

describe.skipIf(!hasRedis)("the service time of processes that share Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(() => server.command("FLUSHALL"));
  afterAll(() => server[Symbol.asyncDispose]());

  const open = (wrongMs: DurationMs) => redisService(server.url, { base: wrongBy(wrongMs) });

  async function redisTime(): Promise<EpochMs> {
    const [seconds] = (await server.command("TIME")) as readonly [string];
    return Number(seconds) * 1_000;
  }

  test("is Redis's, however wrong their own clocks are", async () => {
    await using ahead = await open(hour);
    await using behind = await open(-hour);
    expect(Math.abs(ahead.clock.now() - (await redisTime()))).toBeLessThan(near);
    expect(Math.abs(behind.clock.now() - (await redisTime()))).toBeLessThan(near);
  });

  test("records no gap, and ends no lease, when a process with a wrong clock joins", async () => {
    await using right = await open(0);
    await accepted(right, "s1", attach);
    await acquire(right, "s1", "tile");
    await using ahead = await open(hour);
    await using behind = await open(-hour);
    for (const joined of [ahead, behind]) {
      const { session } = await accepted(joined, "s1", { kind: "PassTime" });
      expect(session.leases.live).toHaveLength(1);
      expect(session.gapsTaken).toBe(0);
      expect(joined.seen.filter(({ kind }) => kind === "gap")).toEqual([]);
    }
  });

  test("begins no earlier than the last recorded moment", async () => {
    const ahead = (await redisTime()) + hour;
    await server.command("HSET", buckets[5]?.state ?? "", "alive", String(ahead));
    await using process = await open(0);
    expect(process.clock.now()).toBeGreaterThanOrEqual(ahead);
    expect(process.clock.now()).toBeLessThan(ahead + near);
  });
});
