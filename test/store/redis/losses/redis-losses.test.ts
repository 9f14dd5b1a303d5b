import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { keysOf } from "../../../../src/store/redis/records/redis-keys.ts";
import { beachOfHeld, holdFastPath } from "../../../support/callers/held-session.ts";
import { type RunningService, runService } from "../../../support/process/run-service.ts";
import { hasRedis, type RedisServer, startRedis } from "../../../support/redis/redis-server.ts";

const inTime = { timeout: 20_000 };

describe.skipIf(!hasRedis)("a Redis that changes under a running service", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis({ "enable-debug-command": "local" });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await server.command("FLUSHALL");
    await server.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
    await server.command("CONFIG", "SET", "maxmemory", "0");
  });

  const serve = () =>
    runService({ env: { LEASE_STORE_URL: server.url, LEASE_TOKEN_KEY: "k".repeat(32) } });

  test("is reported as unfit by log, metric and readiness, for as long as it is", async () => {
    await using service = await serve();
    expect(await readiness(service)).toEqual([200, { status: "ready" }]);
    await server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    await expect.poll(() => received(service, "unfit store").length, inTime).toBe(1);
    const fault = expect.stringContaining("its maxmemory-policy is allkeys-lru");
    expect(await readiness(service)).toEqual([200, { status: "ready", warnings: [fault] }]);
    expect(await metric(service, "lease_store_faults")).toBe("1");
    await server.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
    await expect.poll(() => readiness(service), inTime).toEqual([200, { status: "ready" }]);
  });

  test("and drops keys is reported, and every session counts as one that may have lost something", async () => {
    await using service = await serve();
    const before = await incarnationOf("session-1");
    await server.command("CONFIG", "SET", "maxmemory-policy", "volatile-lru");
    const kept = await holdFastPath(service, "session-1");
    const { generation } = await kept.transport();
    const dropped = 50;
    for (let index = 0; index < dropped; index += 1) {
      await server.command("SET", `other:${index}`, "x".repeat(10_000), "EX", "600");
    }
    const used = /used_memory:(\d+)/.exec(String(await server.command("INFO", "memory")))?.[1];
    await server.command("CONFIG", "SET", "maxmemory", String(Number(used) - 100_000));
    await server.command("SET", "other:more", "x", "EX", "600").catch(() => undefined);
    await expect.poll(() => received(service, "lost keys").length, inTime).toBeGreaterThan(0);
    await server.command("CONFIG", "SET", "maxmemory", "0");
    expect(await incarnationOf("session-1")).toBeGreaterThan(before);
    await expect.poll(() => received(service, "new incarnation").length, inTime).toBeGreaterThan(0);
    expect((await kept.transport()).generation).toBe(generation);
  });

  test("and has lost a session: the loss is reported once, and no list or count shows the session any more", async () => {
    await using service = await serve();
    const lost = await holdFastPath(service, "session-1");
    const kept = await holdFastPath(service, "session-2");
    const before = await incarnationOf(lost.id);
    await server.command("DEL", keysOf(lost.id).session(lost.id));
    for (let ask = 0; ask < 3; ask += 1) await expect(lost.renew()).rejects.toThrow("not_found");
    expect(received(service, "lost session")).toMatchObject([{ session: lost.id }]);
    expect(await incarnationOf(lost.id)).toBeGreaterThan(before);
    const { sessions } = await service.registry.listSessions({ privateBeachId: beachOfHeld });
    expect(sessions.map(({ sessionId }) => sessionId)).toEqual([kept.id]);
    const counted = await service.registry.summarizeFleet({ privateBeachId: beachOfHeld });
    expect(counted).toMatchObject({ sessions: 1n, liveLeases: 1n, fastPath: 1n });
    // Attached anew it goes on above what it had given out.
    const again = await holdFastPath(service, lost.id);
    const { version } = await again.transport();
    expect(Number(version)).toBeGreaterThan(before);
  });

  test("and has lost everything: the loss is reported", async () => {
    await using service = await serve();
    await holdFastPath(service, "session-1");
    await server.command("FLUSHALL");
    await expect.poll(() => received(service, "new incarnation").length, inTime).toBeGreaterThan(0);
  });

  test("and was restored to an earlier state: that is a loss too", async () => {
    await using service = await serve();
    const held = await holdFastPath(service, "session-1");
    await server.command("SAVE");
    const before = await incarnationOf(held.id);
    await held.renew();
    const since = Date.now() + 1_500;
    await expect.poll(() => Date.now(), inTime).toBeGreaterThan(since);
    await server.command("DEBUG", "RELOAD", "NOSAVE");
    await expect.poll(() => incarnationOf(held.id), inTime).toBeGreaterThan(before);
    await expect.poll(() => received(service, "new incarnation").length, inTime).toBeGreaterThan(0);
  });

  test.each([
    ["one session", (id: string) => ["DEL", keysOf(id).session(id)]],
    ["everything", () => ["FLUSHALL"]],
  ])("and has lost %s: who watches it is told, and then of its return", async (_, lose) => {
    await using service = await serve();
    const { id } = await holdFastPath(service, "session-1");
    const stop = new AbortController();
    const received: string[] = [];
    const read = async (request: { sessionIds: string[] } | { privateBeachId: string }) => {
      for await (const { event } of service.lease.watchTransport(request, stop)) {
        if (event.case === "gone") received.push(`gone ${event.value.reason}`);
        else if (event.case === "state") received.push(event.case);
      }
    };
    const readers = [read({ sessionIds: [id] }), read({ privateBeachId: beachOfHeld })];
    await expect.poll(() => received, inTime).toEqual(["state", "state"]);
    await server.command(...lose(id));
    await service.registry
      .checkLease({ sessionId: id, controllerToken: "x" })
      .catch(() => undefined);
    await expect.poll(() => received.slice(2), inTime).toEqual(["gone unknown", "gone unknown"]);
    await holdFastPath(service, id);
    await expect.poll(() => received.slice(4), inTime).toEqual(expect.arrayContaining(["state"]));
    stop.abort();
    await Promise.allSettled(readers);
  });

  async function incarnationOf(id: string): Promise<number> {
    return Number(await server.command("HGET", keysOf(id).state, "history"));
  }
});

function received({ log }: RunningService, where: string) {
  return log.filter((line) => line.where === where);
}

async function readiness(service: RunningService): Promise<readonly [number, unknown]> {
  const answer = await fetch(service.opsUrl("/readyz"));
  return [answer.status, await answer.json()];
}

async function metric(service: RunningService, name: string): Promise<string | undefined> {
  const text = await (await fetch(service.opsUrl("/metrics"))).text();
  return new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1];
}
