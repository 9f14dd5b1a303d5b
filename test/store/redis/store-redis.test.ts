import { afterAll, beforeAll, describe } from "vitest";

import { openRedisStore } from "../../../src/store/redis/open-redis-store.ts";
import { hasRedis, type RedisServer, startRedis } from "../../support/redis/redis-server.ts";
import { manualClock } from "../../support/service/manual-clock.ts";
import { builtAt } from "../../support/store/store-records.ts";
import { describeSharedStore } from "../shared-store-conformance.ts";

describe.skipIf(!hasRedis)("on a single server,", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  describeSharedStore("the Redis store", async () => {
    await server.command("FLUSHALL");
    return {
      open: () => openRedisStore(server.url, { clock: manualClock(builtAt) }),
      async [Symbol.asyncDispose]() {},
    };
  });
});
