import { setTimeout as delay } from "node:timers/promises";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { AcquireResponse } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { systemClock } from "../../src/service/time/clock.ts";
import { openRedisStore } from "../../src/store/redis/open-redis-store.ts";
import { freshId } from "../api/conformance/conformance-subject.ts";
import { refusalOf } from "../api/expect-refusal.ts";
import { type Replicas, startReplicas } from "../support/process/replicas.ts";
import type { SpawnedService } from "../support/process/run-service.ts";
import { hasRedis } from "../support/redis/redis-server.ts";
import { watchStates } from "./seen-states.ts";

/** For how long nobody else is handed a session that one process has claimed. */
const claimMs = 2_000;
const ttl = { seconds: 1n };
/** No negotiation times out during a test: that would change a state that has no live lease. */
const env = {
  LEASE_TTL_MIN_MS: "1000",
  LEASE_NEGOTIATION_TIMEOUT_MS: "60000",
  LEASE_EVIDENCE_LOST_MS: "90000",
};

describe.skipIf(!hasRedis)("a lease that nobody renews", () => {
  let replicas: Replicas;
  let one: SpawnedService;
  let other: SpawnedService;

  beforeAll(async () => {
    replicas = await startReplicas(2, env);
    one = replicas.at(0);
    other = replicas.at(1);
  });
  afterAll(() => replicas[Symbol.asyncDispose]());

  const acquired = async () => {
    const sessionId = freshId();
    const named = { sessionId, privateBeachId: "beach-1", passcode: "1", ttl };
    const answer = await one.lease.acquire(named);
    const { controllerToken, lease } = answer;
    return { sessionId, controllerToken, leaseId: lease?.leaseId ?? "", endsAt: endOf(answer) };
  };
  const clock = systemClock();
  const endsLogged = (leaseId: string): number =>
    replicas.logged("lease ended").filter(({ lease }) => lease === leaseId).length;

  test("ends once, in its time, for watchers of either replica", async () => {
    const held = await acquired();
    const watched = { sessionIds: [held.sessionId] };
    await using atOne = watchStates(one.grpc, watched);
    await using atOther = watchStates(other.connect, watched);
    const over = await Promise.all(
      [atOne, atOther].map((watch) => watch.until(({ liveLeases }) => liveLeases === 0)),
    );
    // How near two clocks are kept depends on how soon Redis answers.
    expect(performance.now()).toBeGreaterThan(held.endsAt - 500);
    expect(over[0]).toMatchObject({ lastChangeReason: "expired", version: over[1]?.version });
    await delay(claimMs + 500);
    for (const { states, troubles } of [atOne, atOther]) {
      expect(states.filter(({ liveLeases }) => liveLeases === 0)).toHaveLength(1);
      expect(troubles).toBe(0);
    }
    await expect.poll(() => endsLogged(held.leaseId), { timeout: 10_000 }).toBe(1);
  });

  test("ends once when the process that claimed it died before acting on it", async () => {
    // Open before the lease begins, or the others may claim it first.
    await using doomed = new AsyncDisposableStack();
    const claiming = doomed.use(await openRedisStore(replicas.redis.url, { clock }));
    const held = await acquired();
    await using watch = watchStates(other.grpc, { sessionIds: [held.sessionId] });
    const claimed = await claiming.due(clock.now() + Number(ttl.seconds) * 1_000, 1_000);
    expect(claimed).toContain(held.sessionId);
    await doomed.disposeAsync();
    await watch.until(({ liveLeases }) => liveLeases === 0);
    // What was claimed is due again when the claim is over, and for a live process then.
    expect(performance.now()).toBeGreaterThan(held.endsAt + claimMs - 500);
    const ended = refusalOf(one.registry.checkLease(held));
    expect(await ended).toMatchObject({ metadata: { ended_by: "expired" } });
    await expect.poll(() => endsLogged(held.leaseId), { timeout: 10_000 }).toBe(1);
  });
});

describe.skipIf(!hasRedis)("when one of two replicas is killed,", () => {
  const sessions = 400;

  test("a lease that it granted ends all the same, and about in time", async () => {
    await using replicas = await startReplicas(2, env);
    const [doomed, survivor] = [replicas.at(0), replicas.at(1)];
    const sessionId = freshId();
    await using watch = watchStates(survivor.grpc, { sessionIds: [sessionId] });
    const named = { sessionId, privateBeachId: "beach-1", passcode: "1", ttl: { seconds: 2n } };
    const endsAt = endOf(await doomed.lease.acquire(named));
    await doomed.stop("SIGKILL");
    await watch.until(({ liveLeases }) => liveLeases === 0);
    const lateMs = performance.now() - endsAt;
    process.stdout.write(`a lease of a killed replica ended ${Math.round(lateMs)} ms late\n`);
    expect(lateMs).toBeLessThan(10_000);
  });

  test("hundreds of leases that are due all end, each once", async () => {
    await using replicas = await startReplicas(2, env);
    const [doomed, survivor] = [replicas.at(0), replicas.at(1)];
    const privateBeachId = "beach-1";
    await using watch = watchStates(survivor.grpc, { privateBeachId });
    const ids = Array.from({ length: sessions }, () => freshId());
    const [half, otherHalf] = [ids.slice(0, sessions / 2), ids.slice(sessions / 2)];
    const acquireAll = async ({ lease }: SpawnedService, some: readonly string[]) => {
      for (const sessionId of some) {
        await lease.acquire({ sessionId, privateBeachId, passcode: "1", ttl: { seconds: 5n } });
      }
    };
    await Promise.all([acquireAll(doomed, half), acquireAll(survivor, otherHalf)]);
    await watch.until(({ liveLeases }) => liveLeases === 0);
    await doomed.stop("SIGKILL");
    for (const id of ids) {
      await watch.until(({ sessionId, liveLeases }) => sessionId === id && liveLeases === 0);
    }
    await delay(claimMs + 500);
    const ends = ids.map((id) => {
      const states = watch.states.filter(({ sessionId }) => sessionId === id);
      return states.filter(({ liveLeases }) => liveLeases === 0).length;
    });
    expect(new Set(ends)).toEqual(new Set([1]));
    const { liveLeases } = await survivor.registry.summarizeFleet({});
    expect(liveLeases).toBe(0n);
  });
});

/** When the lease of an answer that has just come ends, by this process's clock. */
function endOf({ lease }: AcquireResponse): number {
  if (lease?.expiresIn === undefined) throw new Error("the answer has no lease");
  return performance.now() + durationMs(lease.expiresIn);
}
