import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { bucketOf, keysOf } from "../../../../src/store/redis/records/redis-keys.ts";
import { beachOfHeld, holdFastPath } from "../../../support/callers/held-session.ts";
import { openWatch } from "../../../support/callers/open-watch.ts";
import { pressing } from "../../../support/callers/pressing.ts";
import { type RunningService, runService } from "../../../support/process/run-service.ts";
import { hasRedis, type RedisServer, startRedis } from "../../../support/redis/redis-server.ts";

const inTime = { timeout: 15_000 };
/** Two sessions of one bucket. */
const [broken = "", neighbour = ""] = Array.from(
  { length: 200 },
  (_, index) => `session-${index}`,
).filter((id) => bucketOf(id) === 3);

const damages: readonly (readonly [name: string, damage: readonly (readonly string[])[]])[] = [
  ["of a version that is newer still", [["HSET", keyOf(broken), "record", "[99,0]"]]],
  ["damaged", [["HSET", keyOf(broken), "record", '[2,0,"ses']]],
  [
    "another session's",
    [["HSET", keyOf(broken), "record", '[2,1,"other","b",1,1,0,0,0,0,"",0,0,0,0,0,0,null]']],
  ],
  [
    "of another type",
    [
      ["DEL", keyOf(broken)],
      ["SET", keyOf(broken), "text"],
    ],
  ],
];

describe.skipIf(!hasRedis)("a session whose record in Redis is", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(() => server.command("FLUSHALL"));

  test.each(damages)("%s harms no other", async (_, damage) => {
    const env = { LEASE_STORE_URL: server.url, LEASE_TOKEN_KEY: "k".repeat(32) };
    await using filling = await runService({ env });
    const held = await holdFastPath(filling, neighbour);
    const lost = await holdFastPath(filling, broken);
    for (const command of damage) await server.command(...command);

    await using service = await runService({ env });
    const renew = { sessionId: broken, controllerToken: lost.token };
    await using asks = pressing(() => service.lease.renew(renew), 10);
    await using renewals = pressing(() => held.renew(service), 10);
    await expect.poll(() => renewals.answers.length, inTime).toBeGreaterThan(60);

    expect(renewals.refused(0)).toEqual([]);
    expect(asks.answers.length).toBeGreaterThan(10);
    const unreadable = { code: "Unavailable", reason: "SESSION_UNREADABLE", retryable: true };
    for (const { refusal } of asks.answers) expect(refusal).toEqual(unreadable);
    await expectOthersShown(service);
    // Once, however often it was asked for.
    const received = service.log.filter(
      ({ msg, session }) => msg === "record unreadable" && session === broken,
    );
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({ where: "record" });
    const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
    expect(metrics).toContain('lease_failures_total{where="record"} 1');
  });
});

/** Lists, watches and readiness pass over the session that cannot be read. */
async function expectOthersShown(service: RunningService): Promise<void> {
  const { sessions } = await service.registry.listSessions({ privateBeachId: beachOfHeld });
  expect(sessions.map(({ sessionId }) => sessionId)).toEqual([neighbour]);
  await using watch = await openWatch(service, [broken, neighbour]);
  expect(watch.states.map(({ sessionId }) => sessionId)).toEqual([neighbour]);
  for await (const { event } of service.lease.watchTransport({ privateBeachId: beachOfHeld })) {
    if (event.case === "bookmark") break;
    if (event.case === "state") expect(event.value.sessionId).toBe(neighbour);
  }
  expect((await fetch(service.opsUrl("/readyz"))).status).toBe(200);
}

function keyOf(id: string): string {
  return keysOf(id).session(id);
}
