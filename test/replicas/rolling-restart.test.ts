import { describe, expect, test } from "vitest";

import { HandshakeKind } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { freshId } from "../api/conformance/conformance-subject.ts";
import { type Replicas, startReplicas } from "../support/process/replicas.ts";
import { hasRedis } from "../support/redis/redis-server.ts";
import { type BeachOfClients, privateBeachId, startBeachOfClients } from "./beach-of-clients.ts";

const replicaCount = 3;
const sessions = 12;
const renewalsMin = 4;
const unrenewedCount = 9;

describe.skipIf(!hasRedis)("a rolling restart of all replicas under load", () => {
  test("renegotiates nothing, loses no lease, and ends leases that nobody renews", async () => {
    await using replicas = await startReplicas(replicaCount);
    await using beach = await startBeachOfClients(replicas, sessions);
    await renewedSince(beach, []);
    const from = beach.stories.map(({ tile }) => tile.outcomes.length);
    const unrenewed = await acquireUnrenewed(replicas);

    for (let place = 0; place < replicaCount; place++) {
      expect(await replicas.at(place).stop("SIGTERM")).toEqual({ code: 0, signal: null });
      await replicas.restart(place);
    }
    await renewedSince(
      beach,
      beach.stories.map(({ tile }) => tile.outcomes.length),
    );

    for (const { sessionId } of unrenewed) {
      const over = beach.seen.until(
        (state) => state.sessionId === sessionId && state.liveLeases === 0,
      );
      expect(await over).toMatchObject({ lastChangeReason: "expired" });
    }
    for (const [index, { sessionId, poller, tile }] of beach.stories.entries()) {
      expect(new Set(tile.outcomes.slice(from[index]))).toEqual(new Set([HandshakeKind.REFRESH]));
      expect(tile.leaseIds.size).toBe(1);
      expect(poller).toEqual(["paused"]);
      const promoted = beach.seen.states
        .filter((state) => state.sessionId === sessionId && state.generation > 0n)
        .map(({ generation, handshakeId }) => `${handshakeId} as generation ${generation}`);
      expect(new Set(promoted).size).toBe(1);
    }
    expect(replicas.logged("handshake started")).toHaveLength(sessions + unrenewed.length);
    expect([
      ...replicas.logged("internal error"),
      ...replicas.logged("uncaught exception"),
    ]).toEqual([]);

    // The watch is in touch with what happens now.
    const [{ sessionId } = { sessionId: "" }] = beach.stories;
    await replicas.at(0).lease.acquire({ sessionId, reason: "another" });
    await beach.seen.until((state) => state.sessionId === sessionId && state.liveLeases === 2);
    reportOn(beach);
  }, 120_000);
});

/** Each tile has had some answers more than so many. */
async function renewedSince({ stories }: BeachOfClients, from: readonly number[]): Promise<void> {
  const fewest = () =>
    Math.min(...stories.map(({ tile }, index) => tile.outcomes.length - (from[index] ?? 0)));
  await expect.poll(fewest).toBeGreaterThanOrEqual(renewalsMin);
}

/** Leases of which nobody speaks again, acquired on each replica in turn. */
async function acquireUnrenewed(
  replicas: Replicas,
): Promise<readonly { readonly sessionId: string }[]> {
  return await Promise.all(
    Array.from({ length: unrenewedCount }, async (_, index) => {
      const sessionId = freshId();
      const named = { sessionId, privateBeachId, passcode: "1", ttl: { seconds: 5n } };
      await replicas.at(index % replicaCount).lease.acquire(named);
      return { sessionId };
    }),
  );
}

function reportOn({ stories, seen }: BeachOfClients): void {
  const tiles = stories.map(({ tile }) => tile);
  const renewals = tiles.flatMap(({ outcomes }) => outcomes).length;
  const failures = tiles.flatMap((tile) => tile.failures);
  const longest = Math.max(...tiles.map(({ longestSilenceMs }) => longestSilenceMs));
  process.stdout.write(
    `rolling restart of ${replicaCount} replicas: ${renewals} renewals by ${tiles.length} tiles, ` +
      `${failures.length} calls made again (${[...new Set(failures)].join(", ")}), at most ` +
      `${Math.round(longest)} ms between two answers; beside the drains the watch broke ` +
      `${seen.troubles} times\n`,
  );
}
