import { createClient } from "@redis/client";
import { describe, expect, test } from "vitest";

import { holdFastPath } from "../../../support/callers/held-session.ts";
import {
  type LogLine,
  type RunningService,
  runService,
  runToExit,
} from "../../../support/process/run-service.ts";
import { startRedisCluster } from "../../../support/redis/redis-cluster.ts";
import { freePort, hasRedis, startRedis } from "../../../support/redis/redis-server.ts";

const key = { LEASE_TOKEN_KEY: "k".repeat(32) };
const inTime = { timeout: 30_000 };
const notThereYet = "Redis is not there yet; waiting for it";

const serve = (url: string, log: LogLine[] = []) =>
  runService({ env: { ...key, LEASE_STORE_URL: url }, log });

/** A service that has found that its Redis is not there. */
async function waiting(url: string): Promise<{ readonly starting: Promise<RunningService> }> {
  const log: LogLine[] = [];
  const starting = serve(url, log);
  await expect.poll(() => log.map(({ msg }) => msg), inTime).toContain(notThereYet);
  return { starting };
}

describe.skipIf(!hasRedis)("a start", () => {
  test("waits for a Redis that is not up yet, and says so every few seconds", async () => {
    const port = await freePort();
    const { starting } = await waiting(`redis://127.0.0.1:${port}`);
    await using server = await startRedis({}, port);
    await using service = await starting;
    expect(server.port).toBe(port);
    await holdFastPath(service, "session-1");
    const waits = service.log.filter(({ msg }) => msg.startsWith("Redis is not there yet"));
    expect(waits).toHaveLength(1);
    expect(waits[0]?.level).toBe("warn");
    expect(waits[0]?.why).toMatch(/ECONNREFUSED.*; start Redis/);
    expect(waits[0]?.wait_ms_max).toBeLessThanOrEqual(60_000);
  });

  test("waits for one that is still loading what it had", async () => {
    await using server = await startRedis({
      save: "3600 1",
      "key-load-delay": "1000",
      "loading-process-events-interval-bytes": "1024",
    });
    for (let index = 0; index < 4_000; index += 1000) {
      const fill = "for i = 1, 1000 do redis.call('SET', ARGV[1] .. i, 'x') end";
      await server.command("EVAL", fill, "0", `filler-${index}-`);
    }
    await server.command("SAVE");
    await server.kill();
    const restarted = server.restart();
    await using service = await serve(server.url);
    await restarted;
    await holdFastPath(service, "session-1");
    const waits = service.log.filter(({ msg }) => msg.startsWith("Redis is not there yet"));
    expect(waits[0]?.why).toMatch(/ECONNREFUSED|it is not ready \(LOADING/);
  });

  test("waits for one that accepts no more clients", async () => {
    await using server = await startRedis();
    const other = await createClient({ url: server.url }).connect();
    await other.configSet("maxclients", "1");
    const { starting } = await waiting(server.url);
    await other.configSet("maxclients", "1000");
    await using service = await starting;
    other.destroy();
    const waits = service.log.filter(({ msg }) => msg.startsWith("Redis is not there yet"));
    expect(waits[0]?.why).toMatch(/max number of clients reached\); raise its maxclients/);
  });

  test("waits for a cluster of which a part is down", async () => {
    await using cluster = await startRedisCluster();
    const [first, , , replica] = cluster.nodes;
    // Its replica is gone first, so that nobody takes its place.
    await replica?.kill();
    await first?.kill();
    const other = cluster.nodes[1]?.url ?? "";
    const { starting } = await waiting(other);
    await first?.restart();
    await using service = await starting;
    const ids = Array.from({ length: 12 }, (_, index) => `session-${index}`);
    await Promise.all(ids.map((id) => holdFastPath(service, id)));
    expect(service.log.map(({ msg }) => msg)).toContain(notThereYet);
  });

  test("ends with the remedy when the time is over", async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const env = { ...key, LEASE_STORE_URL: url, LEASE_REDIS_WAIT_MS: "2000" };
    const { code, stdout, stderr } = await runToExit(env);
    expect(code).toBe(1);
    expect(stderr).toMatch(/it does not answer there \(.*ECONNREFUSED.*\); start Redis/);
    expect(stdout).toContain(notThereYet);
  });

  test("does not wait where waiting would not help", async () => {
    await using server = await startRedis();
    await server.command("ACL", "SETUSER", "lease", "on", ">another", "~*", "&*", "+@all");
    const began = performance.now();
    const url = `redis://lease:wrong@127.0.0.1:${server.port}`;
    const { code, stdout } = await runToExit({ ...key, LEASE_STORE_URL: url });
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(performance.now() - began).toBeLessThan(inTime.timeout);
  });
});
