import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { SessionId } from "../../../../src/core/ids.ts";
import { scalePolicy } from "../../../../src/core/policy.ts";
import { systemClock } from "../../../../src/service/time/clock.ts";
import {
  rights,
  rightsOnCluster,
  rightsToAcknowledge,
} from "../../../../src/store/redis/link/redis-rights.ts";
import { openRedisStore } from "../../../../src/store/redis/open-redis-store.ts";
import { bucketCount, bucketOf, keysOf } from "../../../../src/store/redis/records/redis-keys.ts";
import { holdFastPath, holdSession } from "../../../support/callers/held-session.ts";
import { openWatch } from "../../../support/callers/open-watch.ts";
import { pressing } from "../../../support/callers/pressing.ts";
import { retried } from "../../../support/callers/retried.ts";
import { runService, verdictsOf } from "../../../support/process/run-service.ts";
import { hastyPolicy } from "../../../support/redis/hasty-policy.ts";
import { type RedisCluster, startRedisCluster } from "../../../support/redis/redis-cluster.ts";
import { hasRedis, type RedisServer } from "../../../support/redis/redis-server.ts";
import { manualClock } from "../../../support/service/manual-clock.ts";
import { builtAt, insertion, sessionRecord } from "../../../support/store/store-records.ts";
import { describeSharedStore } from "../../shared-store-conformance.ts";

/** So long that nothing is over before the outage begins, on however busy a machine. */
const policy = scalePolicy(hastyPolicy, 10);
const inTime = { timeout: 30_000 };

describe.skipIf(!hasRedis)("on a cluster of three masters with replicas,", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  describeSharedStore("the Redis store", async () => {
    await cluster.flush();
    return {
      open: () => openRedisStore(cluster.url, { clock: manualClock(builtAt) }),
      async [Symbol.asyncDispose]() {},
    };
  });

  const serve = () =>
    runService({
      policy,
      env: {
        LEASE_STORE_URL: cluster.url,
        LEASE_TOKEN_KEY: "0123456789abcdef0123456789abcdef",
      },
    });

  test("a user with the rights that are named, and no others, can use it", async () => {
    await cluster.flush();
    const words = `reset on >open-sesame ${rights} ${rightsToAcknowledge} ${rightsOnCluster}`;
    const allow = ["ACL", "SETUSER", "lease", ...words.split(" ")];
    await Promise.all(cluster.nodes.map((node) => node.command(...allow)));
    const url = cluster.url.replace("//", "//lease:open-sesame@");
    await using store = await openRedisStore(url, {
      clock: manualClock(builtAt),
      acknowledgements: 1,
    });
    const buckets = Array.from({ length: bucketCount }, (_, bucket) => bucket);
    const heartbeat = { now: builtAt, quietMs: 1_500, kind: "absence", after: 0 } as const;
    await Promise.all(buckets.map((bucket) => store.heartbeat(bucket, heartbeat)));
    expect(await store.commit(insertion(sessionRecord()))).toBe("committed");
    expect(await store.load("session-1")).toEqual(sessionRecord());
  });

  test("a master dies: its buckets are refused until its replica has taken over, the others go on", async () => {
    await cluster.flush();
    await using service = await serve();
    await using other = await serve();
    const [mine, left, elsewhere] = await idsAround(cluster);
    const hit = await holdFastPath(service, mine);
    const alone = await holdSession(service, left);
    const spared = await holdFastPath(service, elsewhere);
    await using watch = await openWatch(service, [hit.id, alone.id, spared.id]);
    const offered = watch.newest(alone.id)?.negotiation?.handshakeId;
    await using reports = pressing(() => Promise.all([hit.report(), spared.report()]), 100);
    await using hits = pressing(() => hit.renew(), 50);
    await using spares = pressing(() => spared.renew(), 50);
    await expect.poll(() => hits.answers.length, inTime).toBeGreaterThan(2);

    const victim = await cluster.masterOf(keysOf(hit.id).state);
    const began = performance.now();
    await victim?.kill();
    const late = openRedisStore(urlBeside(cluster, victim), { clock: systemClock() });
    const started = late.then(
      async (store) => {
        await store[Symbol.asyncDispose]();
        return "started";
      },
      (error: unknown) => String(error),
    );
    await expect.poll(() => hits.refused(began).length, inTime).toBeGreaterThan(0);
    const [first] = hits.refused(began);
    await expect.poll(() => hits.accepted(first?.at ?? 0).length, inTime).toBeGreaterThan(0);
    const [healed] = hits.accepted(first?.at ?? 0);

    const unavailable = { code: "Unavailable", reason: "STORE_UNAVAILABLE", retryable: true };
    for (const { refusal } of hits.refused(began)) expect(refusal).toEqual(unavailable);
    const slowestMs = Math.max(...hits.since(began).map(({ tookMs }) => tookMs));
    const meanwhile = spares.accepted(began).filter(({ at }) => at < (healed?.at ?? 0));
    expect(meanwhile.length).toBeGreaterThan(spares.refused(began).length);

    const joined = await retried(() => alone.renew());
    expect(joined).toMatchObject({ joined: true, offer: { handshakeId: offered } });
    for (const { id: sessionId, token: controllerToken } of [hit, spared]) {
      await retried(() => other.lease.release({ sessionId, controllerToken }));
      await expect.poll(() => watch.newest(sessionId)?.liveLeases, inTime).toBe(0);
    }
    expect(watch.end).toBeUndefined();
    expect(verdictsOf(service)).toEqual([]);
    expect(verdictsOf(other)).toEqual(["lease ended: released", "lease ended: released"]);
    expect(reports.answers.length).toBeGreaterThan(0);

    // Who starts meanwhile waits a while for somebody to take over, and not for ever.
    expect(await started).toMatch(/^started$|does not answer there/);

    const [firstMs, slowest, tookMs] = [
      first?.tookMs ?? 0,
      slowestMs,
      (healed?.at ?? 0) - began,
    ].map(Math.round);
    process.stdout.write(
      `Redis Cluster failover: first UNAVAILABLE after ${firstMs} ms, slowest answer ${slowest} ms, accepted again ${tookMs} ms after the kill\n`,
    );
    await victim?.restart();
    await cluster.whole();
  });
});

describe.skipIf(!hasRedis)("on a cluster of which a third is down,", () => {
  test("a process is ready, says what is away, serves the rest, and lists nothing in part", async () => {
    await using cluster = await startRedisCluster();
    await using service = await runService({
      env: { LEASE_STORE_URL: cluster.url, LEASE_TOKEN_KEY: "k".repeat(32) },
    });
    const [mine, , elsewhere] = await idsAround(cluster);
    const hit = await holdFastPath(service, mine);
    const spared = await holdFastPath(service, elsewhere);
    const victim = await cluster.masterOf(keysOf(mine).state);
    const [, , , ...replicas] = cluster.nodes;
    // All replicas go first, so that nobody takes its place.
    for (const replica of replicas) await replica.kill();
    await victim?.kill();
    const ready = async (): Promise<readonly [number, unknown]> => {
      const answer = await fetch(service.opsUrl("/readyz"));
      return [answer.status, await answer.json()];
    };
    const partly = {
      status: "ready",
      store: {
        parts: bucketCount,
        away: expect.toSatisfy((away) => away > 0 && away < bucketCount),
      },
    };
    await expect.poll(ready, inTime).toEqual([200, partly]);
    await expect(hit.renew()).rejects.toThrow("the store cannot be reached");
    await retried(() => spared.renew());
    await expect(service.registry.listSessions({})).rejects.toThrow("the store cannot be reached");
    await expect(service.registry.summarizeFleet({})).rejects.toThrow("cannot be reached");
    const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
    expect(metrics).toMatch(/^lease_store_parts_away [1-9]/m);
    await victim?.restart();
    await expect.poll(ready, inTime).toEqual([200, { status: "ready" }]);
  });
});

/** By which the cluster can be found without the one node. */
function urlBeside({ nodes }: RedisCluster, but: RedisServer | undefined): string {
  const other = nodes.find((node) => node !== but);
  if (other === undefined) throw new Error("the cluster has one node");
  return other.url;
}

/** Two sessions whose buckets one master serves, and one that is served by another. */
async function idsAround(
  cluster: RedisCluster,
): Promise<readonly [SessionId, SessionId, SessionId]> {
  const ids = Array.from({ length: 100 }, (_, index) => `session-${index}`);
  const ofBucket = new Map(ids.map((id) => [bucketOf(id), id]));
  expect(ofBucket.size).toBe(bucketCount);
  const [one, ...others] = [...ofBucket.values()];
  const at = (await cluster.masterOf(keysOf(one ?? "").state))?.port;
  const ports = await Promise.all(
    others.map(async (id) => (await cluster.masterOf(keysOf(id).state))?.port),
  );
  const beside = others[ports.indexOf(at)];
  const elsewhere = others.find((_, index) => ports[index] !== at);
  if (one === undefined || beside === undefined || elsewhere === undefined) {
    throw new Error("one master serves every bucket, or each serves one");
  }
  return [one, beside, elsewhere];
}
