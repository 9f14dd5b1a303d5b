import { describe, expect, test } from "vitest";

import { hasRedis, startRedis } from "../support/redis/redis-server.ts";
import { redisService } from "../support/redis/redis-service.ts";
import { serviceUnderTest } from "../support/service/session-service.ts";
import { storeFolder } from "../support/store/store-files.ts";
import { calledBy } from "./api-under-test.ts";
import { refusalOf } from "./expect-refusal.ts";
import { person, service as servicePrincipal } from "./principals.ts";

const sessionId = "s-1";

describe("a command is authorized on the record that it is decided on:", () => {
  test.each(["renew", "release", "checkLease", "acquire"] as const)(
    "%s by the owner of before, while the session goes to another private beach",
    async (name) => {
      await using folder = await storeFolder();
      await using store = await folder.open();
      await using under = await serviceUnderTest({ store });
      const beach = { kind: "beach", beachId: "beach-1" } as const;
      const owner = calledBy(under.service, person());
      // Checks are for services alone: here for one that acts for a single beach.
      const checker = calledBy(under.service, servicePrincipal({ reach: beach }));
      const { registry } = calledBy(under.service, servicePrincipal());
      await registry.attachSession({ sessionId, privateBeachId: "beach-1" });
      const { controllerToken } = await owner.lease.acquire({ sessionId });
      const token = { sessionId, controllerToken };
      const calls = {
        renew: () => owner.lease.renew(token),
        release: () => owner.lease.release(token),
        checkLease: () => checker.registry.checkLease(token),
        acquire: () => owner.lease.acquire({ sessionId }),
      };

      const moved = [
        registry.detachSession({ sessionId }),
        registry.attachSession({ sessionId, privateBeachId: "beach-2" }),
      ];
      // Asked while the session is still on its way.
      const refusal = refusalOf(calls[name]());
      await Promise.all(moved);
      expect(await refusal).toMatchObject({ code: "NotFound", reason: "SESSION_UNKNOWN" });
      expect(await under.service.find(sessionId)).toMatchObject({
        beachId: "beach-2",
        leases: { live: [] },
      });
    },
  );
});

describe.skipIf(!hasRedis)("a record is looked up once per call:", () => {
  test("a renewal by somebody of one beach is one call of Redis, and so is an acquire", async () => {
    await using redis = await startRedis();
    await using under = await redisService(redis.url);
    const { lease } = calledBy(under.service, person());
    const { registry } = calledBy(under.service, servicePrincipal());
    await registry.attachSession({ sessionId, privateBeachId: "beach-1" });
    const { controllerToken } = await lease.acquire({ sessionId });

    const commits = async (): Promise<number> => {
      const stats = String(await redis.command("INFO", "commandstats"));
      // Of the scripts, only a commit sets the session, and only a load of it reads it whole.
      const calls = (name: string): number =>
        Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
      return calls("evalsha") - calls("time");
    };
    const before = await commits();
    for (let count = 0; count < 5; count += 1) await lease.renew({ sessionId, controllerToken });
    await lease.acquire({ sessionId });
    expect((await commits()) - before).toBe(6);
  });
});
