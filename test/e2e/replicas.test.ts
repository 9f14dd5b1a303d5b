import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import {
  type Beach,
  type HostProcess,
  startBeach,
  type TileProcess,
} from "../../src/demo/beach/beach.ts";
import type { StateSeen } from "../../src/demo/beach/messages.ts";
import { RenegotiationReason } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  type Bookmark,
  bookmark,
  disturbances,
  fastPath,
  hostOf,
  isState,
  lastBall,
  renewedOverFirst,
} from "../support/process/beach-under-test.ts";
import { type Replicas, startReplicas } from "../support/process/replicas.ts";
import type { SpawnedService } from "../support/process/run-service.ts";
import { hasRedis } from "../support/redis/redis-server.ts";

/** Each named after the door that its host speaks to. */
const sessionIds = ["grpc", "connect"] as const;
const renewEveryMs = 500;
const settleMs = 3_000;
/** Far more than a busy machine loses, and less than a fall back to HTTP and a new fast path take. */
const gapMsMax = 4_000;

/** Longer than both ends may be silent here; their clients leave what is silent after 10 s. */
const stillMs = 25_000;
const shortSilence = { LEASE_EVIDENCE_STALE_MS: "7000", LEASE_EVIDENCE_LOST_MS: "20000" };

/** One session of the rally, from the moment on at which everything stands. */
interface Watched {
  readonly sessionId: string;
  readonly host: HostProcess;
  readonly tile: TileProcess;
  readonly since: Bookmark;
  readonly renewedBefore: number;
}

describe.skipIf(!hasRedis).concurrent("a rally over real WebRTC on two replicas", () => {
  test("continues while both are restarted in turn and one is killed", async () => {
    await using replicas = await startReplicas(2);
    await using beach = await startBeachOn(replicas);
    const rallies = await stand(beach);

    for (const place of [0, 1]) {
      await replicas.at(place).stop("SIGTERM");
      await replicas.restart(place);
    }
    await replicas.at(0).stop("SIGKILL");
    await delay(settleMs);
    await replicas.restart(0);
    await replicas.at(1).stop("SIGKILL");
    await delay(settleMs);

    for (const rally of rallies) await expectUndisturbed(beach, rally);
    expect(replicas.logged("handshake started")).toHaveLength(rallies.length);
    expect([
      ...replicas.logged("internal error"),
      ...replicas.logged("uncaught exception"),
    ]).toEqual([]);
    for (const rally of rallies) await expectInTouch(beach, rally, replicas.at(0));
  }, 180_000);

  test("continues while the process that everybody is connected to stands still", async () => {
    await using replicas = await startReplicas(2, shortSilence);
    replicas.route(0);
    await using beach = await startBeachOn(replicas);
    const rallies = await stand(beach);

    process.kill(replicas.at(0).pid, "SIGSTOP");
    // As a balancer does that has asked /readyz in vain.
    replicas.route(1);
    await delay(stillMs);
    process.kill(replicas.at(0).pid, "SIGCONT");
    await delay(settleMs);

    for (const rally of rallies) await expectUndisturbed(beach, rally);
    expect(replicas.logged("handshake started")).toHaveLength(rallies.length);
    for (const rally of rallies) await expectInTouch(beach, rally, replicas.at(1));
  }, 180_000);
});

function startBeachOn({ grpcUrl, httpUrl }: Replicas): Promise<Beach> {
  const hosts = sessionIds.map((id) => ({ sessionIds: [id], door: id }) as const);
  return startBeach({ grpcUrl, httpUrl, hosts });
}

function stand(beach: Beach): Promise<readonly Watched[]> {
  return Promise.all(sessionIds.map((id, index) => stands(beach, id, hostOf(beach, index))));
}

/** Waits until the session's tile has a lease, and its host has gone over to the fast path. */
async function stands(beach: Beach, sessionId: string, host: HostProcess): Promise<Watched> {
  const tile = beach.startTile({ sessionId, reason: "tile", renewEveryMs });
  beach.startOldTile(sessionId, renewEveryMs);
  await beach.manager.when(
    (event) => isState(event, sessionId) && event.path === "FAST_PATH" && event.liveLeases === 2,
  );
  await beach.manager.when(
    (event) => event.kind === "carrier" && event.sessionId === sessionId && event.over !== "http",
  );
  await host.when((event) => event.kind === "poller" && event.paused);
  await renewedOverFirst(tile);
  await host.ask({ kind: "mark", sessionId });
  const since = bookmark(beach, host);
  return { sessionId, host, tile, since, renewedBefore: tile.events.length };
}

async function expectUndisturbed(beach: Beach, rally: Watched): Promise<void> {
  const { sessionId, host, tile, since, renewedBefore } = rally;
  const { applied, sent } = await lastBall(beach, sessionId, host);
  const renewals = tile.events.slice(renewedBefore).filter((event) => event.kind === "renewed");
  const refused = tile.events.filter((event) => event.kind === "refused");
  process.stdout.write(
    `${sessionId}: ${renewals.length} renewals, ${refused.length} calls made again, ` +
      `${applied.applied} actions, largest gap ${applied.largestGapMs} ms\n`,
  );
  const answers = renewals.map(({ outcome, generation }) => `${outcome} of ${generation}`);
  const isFirst = fastPath(sessionId, 1);
  const served = host.events.find((event) => isFirst(event));
  expect(new Set(answers)).toEqual(new Set([`refresh of ${served?.generation}`]));
  expect(new Set(renewals.map(({ epoch, tokenDigest }) => `${epoch} ${tokenDigest}`)).size).toBe(1);

  const seen = disturbances(beach, sessionId, since, host);
  const states = seen.changes.filter((event): event is StateSeen => isState(event, sessionId));
  expect(states.filter(({ path }) => path !== "FAST_PATH")).toEqual([]);
  expect(seen.changes.filter(({ kind }) => kind !== "state")).toEqual([]);
  expect(seen.fallbackWarnings).toEqual([]);
  expect(seen.pollerPauses).toBe(1);
  expect(seen.pollerResumptions).toEqual([]);

  expect(applied.missing).toBe(0);
  expect(applied.lastApplied).toBe(sent.lastSent);
  expect(applied.largestGapMs).toBeLessThan(gapMsMax);
}

/** Tile, host and manager have moved over: they hear of a replacement, and bring it about. */
async function expectInTouch(
  beach: Beach,
  { sessionId, host, tile }: Watched,
  { lease }: SpawnedService,
): Promise<void> {
  await lease.renegotiate({ sessionId, reason: RenegotiationReason.OPERATOR });
  const { generation } = await host.when(fastPath(sessionId, 2));
  await beach.manager.when(fastPath(sessionId, 2));
  await tile.when((event) => event.kind === "renewed" && event.generation === generation);
}
