import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { live, readyReport, sessionOf } from "../api/conformance/conformance-subject.ts";
import { type Replicas, startReplicas } from "../support/process/replicas.ts";
import type { SpawnedService } from "../support/process/run-service.ts";
import { hasRedis } from "../support/redis/redis-server.ts";
import { watchStates } from "./seen-states.ts";

const changes = 100;

describe.skipIf(!hasRedis)("a watch on one replica", () => {
  let replicas: Replicas;
  let one: SpawnedService;
  let other: SpawnedService;

  beforeAll(async () => {
    replicas = await startReplicas(2);
    one = replicas.at(0);
    other = replicas.at(1);
  });
  afterAll(() => replicas[Symbol.asyncDispose]());

  test.each([
    ["over gRPC", (replica: SpawnedService) => replica.grpc],
    ["over Connect", (replica: SpawnedService) => replica.connect],
  ])("%s sees each report that is made on another", async (how, door) => {
    const held = await live({ internal: other });
    const sessionId = sessionOf(held);
    const handshakeId = held.offer?.handshakeId ?? "";
    await using watch = watchStates(door(one), { sessionIds: [sessionId] });
    await watch.until((state) => state.generation > 0n);

    const latencies: number[] = [];
    for (let change = 1; change <= changes; change++) {
      const transportId = `peer-${change}`;
      const sentAt = performance.now();
      await other.registry.reportTransport({
        reports: [readyReport(sessionId, handshakeId, { transportId, sequence: BigInt(change) })],
      });
      await watch.until(({ ends }) => ends.some((end) => end.transportId === transportId));
      latencies.push(performance.now() - sentAt);
    }
    const { median, max } = spread(latencies);
    process.stdout.write(
      `report on one replica, seen ${how} on another: median ${median.toFixed(1)} ms, ` +
        `at most ${max.toFixed(1)} ms, of ${changes}\n`,
    );
    expect(median).toBeLessThan(500);
    const versions = watch.states.map(({ version }) => version);
    expect(versions).toEqual(versions.toSorted((a, b) => Number(a - b)));
    expect(watch.troubles).toBe(0);
  });

  test("sees the last of many reports that come too fast to be sent one by one", async () => {
    const held = await live({ internal: other });
    const sessionId = sessionOf(held);
    await using watch = watchStates(one.grpc, { sessionIds: [sessionId] });
    await watch.until((state) => state.generation > 0n);
    const reports = Array.from({ length: 1_000 }, (_, index) =>
      readyReport(sessionId, held.offer?.handshakeId ?? "", {
        transportId: `peer-${index}`,
        sequence: BigInt(index + 1),
      }),
    );
    await other.registry.reportTransport({ reports });
    await watch.until(({ ends }) => ends.some((end) => end.transportId === "peer-999"));
  });
});

function spread(values: readonly number[]): { readonly median: number; readonly max: number } {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, max: sorted.at(-1) ?? 0 };
}
