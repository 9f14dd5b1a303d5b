import { expect, test } from "vitest";

import {
  type Beach,
  type HostProcess,
  startBeach,
  type TileProcess,
} from "../../src/demo/beach/beach.ts";
import type { AppliedCounters, HostEvent, ManagerEvent } from "../../src/demo/beach/messages.ts";
import {
  acquire,
  countersOf,
  doorsOf,
  fastPath,
  hostOf,
  isState,
  renewedOverFirst,
} from "../support/process/beach-under-test.ts";
import { type Env, type SpawnedService, spawnService } from "../support/process/run-service.ts";
import { storeFolder } from "../support/store/store-files.ts";

const sessionIds = ["pong-left", "pong-right"] as const;
const renewEveryMs = 500;
/** Leases of each session: of two tiles and an agent, and the one that the test itself holds. */
const leases = 4;
/**
 * An absence outlasts a negotiation and the silence after which a path is lost; and by the time the
 * last tile tries again, up to 13 s later, a lease.
 */
const horizons = {
  LEASE_TTL_MS: "20000",
  LEASE_NEGOTIATION_TIMEOUT_MS: "8000",
  LEASE_RETIRE_LINGER_MS: "2500",
  LEASE_EVIDENCE_STALE_MS: "5000",
  LEASE_EVIDENCE_LOST_MS: "10000",
};
const longAwayMs = 17_000;

/** A beach on which everybody has come to rest, and goes on by itself. */
interface Rally {
  readonly beach: Beach;
  readonly tiles: readonly TileProcess[];
}

async function startRally(service: SpawnedService): Promise<Rally> {
  const beach = await startBeach({
    ...doorsOf(service),
    hosts: [
      { sessionIds: [sessionIds[0]], door: "grpc" },
      { sessionIds: [sessionIds[1]], door: "connect" },
    ],
  });
  const reasons = ["tile-1", "tile-2", "pong_autopilot"];
  const tiles = sessionIds.flatMap((sessionId) =>
    reasons.map((reason) => beach.startTile({ sessionId, reason, renewEveryMs })),
  );
  for (const [index, sessionId] of sessionIds.entries()) {
    await acquire(service, sessionId);
    const stands = (event: HostEvent | ManagerEvent): boolean =>
      isState(event, sessionId) && event.health === "HEALTHY" && event.liveLeases === leases;
    await Promise.all([beach.manager.when(stands), hostOf(beach, index).when(stands)]);
    await hostOf(beach, index).when((event) => event.kind === "poller" && event.paused);
  }
  await Promise.all(tiles.map(renewedOverFirst));
  return { beach, tiles };
}

/** The events of all processes so far, to separate them from what follows. */
interface Bookmarks {
  readonly manager: number;
  readonly hosts: readonly number[];
  readonly tiles: readonly number[];
  readonly logs: readonly number[];
}

function bookmarksOf({ beach, tiles }: Rally): Bookmarks {
  return {
    manager: beach.manager.events.length,
    hosts: beach.hosts.map((host) => host.events.length),
    tiles: tiles.map((tile) => tile.events.length),
    logs: [beach.manager, ...beach.hosts].map((end) => end.logs.length),
  };
}

/** Kills the service, waits until everybody has noticed, and starts it again on the same ports. */
async function killAndRestart(
  service: SpawnedService,
  serve: (env: Env) => Promise<SpawnedService>,
  { beach, tiles }: Rally,
  awayMs: number,
): Promise<SpawnedService> {
  const from = tiles.map((tile) => tile.events.length);
  const before = await Promise.all(beach.hosts.map(appliedBy));
  const killedAt = performance.now();
  await service.stop("SIGKILL");
  const refused = (tile: TileProcess, index: number): Promise<unknown> =>
    tile.when((event) => event.kind === "refused", { from: from[index] ?? 0 });
  await Promise.all(tiles.map(refused));
  const leftMs = awayMs - (performance.now() - killedAt);
  if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
  // Actions go on while nobody answers, and over the fast path alone.
  for (const [index, host] of beach.hosts.entries()) {
    const applied = await appliedBy(host, index);
    expect(applied.overFastPath).toBeGreaterThan(before[index]?.overFastPath ?? 0);
    expect(applied.overHttp).toBe(before[index]?.overHttp);
  }
  const again = await serve({
    LEASE_GRPC_LISTEN: service.addresses.grpc,
    LEASE_HTTP_LISTEN: service.addresses.http,
  });
  const back = tiles.map((tile) => tile.events.length);
  await Promise.all(
    tiles.map((tile, index) =>
      tile.when((event) => event.kind === "renewed", { from: back[index] ?? 0, timeoutMs: 30_000 }),
    ),
  );
  return again;
}

function appliedBy(host: HostProcess, index: number): Promise<AppliedCounters> {
  return host.ask<AppliedCounters>({ kind: "counters", sessionId: sessionIds[index] ?? "" });
}

function firstGenerationOf(beach: Beach, sessionId: string): number | undefined {
  return beach.manager.events.find(fastPath(sessionId, 1))?.generation;
}

/** What the restarts brought, as everybody around the service saw it. */
function expectUnmoved({ beach, tiles }: Rally, since: Bookmarks): void {
  const received = tiles.map((tile, index) => tile.events.slice(since.tiles[index]));
  for (const [index, events] of received.entries()) {
    const earlier = tiles[index]?.events.slice(0, since.tiles[index]);
    const before = earlier?.findLast((event) => event.kind === "renewed");
    for (const event of events) {
      if (event.kind !== "renewed") continue;
      expect(event).toMatchObject({
        outcome: "refresh",
        generation: before?.generation,
        epoch: before?.epoch,
        tokenDigest: before?.tokenDigest,
      });
    }
  }
  const hostEvents = beach.hosts.flatMap((host, index) => host.events.slice(since.hosts[index]));
  for (const event of [...beach.manager.events.slice(since.manager), ...hostEvents]) {
    expect(event).toMatchObject({
      kind: "state",
      path: "FAST_PATH",
      generation: "sessionId" in event ? firstGenerationOf(beach, event.sessionId) : 0,
      negotiating: "",
      liveLeases: leases,
    });
  }

  const refused = received.flat().filter((event) => event.kind === "refused").length;
  const renewed = received.flat().filter((event) => event.kind === "renewed").length;
  const logs = [beach.manager, ...beach.hosts].flatMap((end, index) =>
    end.logs.slice(since.logs[index]),
  );
  const lines = (text: string): number => logs.filter(({ msg }) => msg.includes(text)).length;
  process.stdout.write(
    `refused meanwhile: ${refused} renewals of ${refused + renewed}, ` +
      `${lines("cannot report")} reports, ${lines("the watch ended")} watches; ` +
      "0 renegotiations, 0 leases lost, every host on the fast path\n",
  );
}

/** Reports have arrived since the service is up again, at both doors. */
async function reportsArrive(service: SpawnedService): Promise<boolean> {
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  return ["internal", "public"].every((door) =>
    metrics
      .split("\n")
      .some((line) => line.includes("ReportTransport") && line.includes(`"${door}"`)),
  );
}

test("Undisturbed, Durable: kill -9 of the service under a live rally changes nothing", async () => {
  await using folder = await storeFolder();
  await using services = new AsyncDisposableStack();
  const env = { ...horizons, LEASE_STORE_URL: `sqlite:${folder.storePath}` };
  const serve = async (more: Env): Promise<SpawnedService> =>
    services.use(await spawnService({ ...env, ...more }));
  const first = await serve({});
  const rally = await startRally(first);
  await using beach = rally.beach;
  for (const [index, host] of beach.hosts.entries()) {
    await host.ask({ kind: "mark", sessionId: sessionIds[index] ?? "" });
  }
  const since = bookmarksOf(rally);
  const second = await killAndRestart(first, serve, rally, 0);
  const third = await killAndRestart(second, serve, rally, longAwayMs);
  await expect.poll(() => reportsArrive(third), { timeout: 20_000 }).toBe(true);

  expectUnmoved(rally, since);
  const { liveLeases, fastPath } = await third.registry.summarizeFleet({});
  expect({ liveLeases, fastPath }).toEqual({ liveLeases: 8n, fastPath: 2n });
  await beach.manager.ask({ kind: "rally", on: false });
  for (const [index, sessionId] of sessionIds.entries()) {
    const caughtUp = async (): Promise<boolean> => {
      const { applied, sent } = await countersOf(beach, sessionId, hostOf(beach, index));
      return applied.lastApplied === sent.lastSent;
    };
    await expect.poll(caughtUp, { timeout: 10_000 }).toBe(true);
    const { applied, sent } = await countersOf(beach, sessionId, hostOf(beach, index));
    process.stdout.write(
      `${sessionId}: ${applied.applied} actions, largest gap ${applied.largestGapMs} ms\n`,
    );
    expect(applied.missing).toBe(0);
    expect(sent.fallbacks).toBe(0);
  }
}, 120_000);
