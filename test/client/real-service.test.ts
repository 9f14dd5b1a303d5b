import { describe, expect, test, vi } from "vitest";

import { createLeaseClient, type TileLease, type TileLeaseEvent } from "../../src/client/index.ts";
import { ManagerClient } from "../../src/client/manager.ts";
import { createNodeTransport } from "../../src/client/node.ts";
import { jwtMode } from "../support/process/jwt-mode.ts";
import { type SpawnedService, spawnService } from "../support/process/run-service.ts";
import { patient } from "../support/runs/patient.ts";
import { storeFolder } from "../support/store/store-files.ts";

// The library against processes of the service that are killed, drained and started again.

const sessionId = "session-1";
const privateBeachId = "beach-1";
/** Outlasts a restart of the service on a busy machine; renewed every 5 to 7 s. */
const ttlMs = 10_000;

function follow(tile: TileLease): readonly TileLeaseEvent[] {
  const events: TileLeaseEvent[] = [];
  tile.subscribe((event) => events.push(event));
  return events;
}

const kindsOf = (events: readonly TileLeaseEvent[]): readonly string[] =>
  events.map(({ kind }) => kind);

async function startAgain(before: SpawnedService, storePath: string): Promise<SpawnedService> {
  return await spawnService({
    LEASE_STORE_URL: `sqlite:${storePath}`,
    LEASE_HTTP_LISTEN: before.addresses.http,
    LEASE_GRPC_LISTEN: before.addresses.grpc,
  });
}

// Side by side, as they mostly wait for a renewal to be due.
describe.concurrent.each(["SIGKILL", "SIGTERM"] as const)("a service that ends by %s", (signal) => {
  test("and is started again leaves a tile its lease", async () => {
    await using folder = await storeFolder();
    await using service = await spawnService({ LEASE_STORE_URL: `sqlite:${folder.storePath}` });
    await service.registry.attachSession({ sessionId, privateBeachId });
    await using client = createLeaseClient({ baseUrl: service.httpUrl(""), ttlMs });
    const tile = client.hold({ sessionId });
    const { leaseId, controllerToken } = await tile.held();
    const events = follow(tile);
    await vi.waitUntil(() => client.watch.status === "synced", patient);

    await service.stop(signal);
    tile.retry();
    await vi.waitUntil(() => tile.state.kind === "uncertain", { timeout: 20_000 });
    expect(tile.lease?.leaseId).toBe(leaseId);
    await using again = await startAgain(service, folder.storePath);
    await vi.waitUntil(() => tile.state.kind === "held", { timeout: 20_000 });
    await vi.waitUntil(() => client.watch.status === "synced", { timeout: 20_000 });
    const { sessions } = await again.registry.listSessions({});
    expect(sessions[0]?.leases.map((lease) => lease.leaseId)).toEqual([leaseId]);
    expect(tile.lease).toMatchObject({ leaseId, controllerToken });
    expect(kindsOf(events)).toContain("failed");
    await tile.release();
    expect((await again.registry.listSessions({})).sessions[0]?.leases).toEqual([]);
  });

  test("and is started again leaves a manager its leases and its stream", async () => {
    await using folder = await storeFolder();
    await using service = await spawnService({ LEASE_STORE_URL: `sqlite:${folder.storePath}` });
    const transport = createNodeTransport({
      baseUrl: `http://${service.addresses.grpc}`,
      protocol: "grpc",
    });
    await using manager = new ManagerClient({
      transport,
      privateBeachId,
      onRetired: () => undefined,
    });
    await manager.attach({ sessionId });
    manager.start();
    const { controllerToken } = await service.lease.acquire({ sessionId, reason: "agent" });
    let renewals = 0;
    const ended: string[] = [];
    using _kept = manager.keep({
      sessionId,
      controllerToken,
      ttlMs,
      onRenewed: () => (renewals += 1),
      onEnded: (endedBy) => ended.push(endedBy),
    });
    await vi.waitUntil(() => renewals > 0, patient);
    expect(await manager.checkLease(sessionId, controllerToken)).toMatchObject({ kind: "live" });

    await service.stop(signal);
    await expect(manager.checkLease(sessionId, controllerToken)).rejects.toThrow();
    await using again = await startAgain(service, folder.storePath);
    const before = renewals;
    await vi.waitUntil(() => renewals > before, patient);
    await again.registry.revokeLeases({ sessionId });
    await vi.waitUntil(() => ended.length > 0, { timeout: 20_000 });
    expect(ended).toEqual(["revoked"]);
    expect(await manager.checkLease(sessionId, controllerToken)).toEqual({
      kind: "not_live",
      endedBy: "revoked",
    });
    await manager.stop();
    transport.close();
  });
});

test("a bearer that is not taken is replaced by another, for calls and for the stream", async () => {
  await using jwt = await jwtMode();
  await using service = await spawnService(jwt.env);
  const manager = createNodeTransport({
    baseUrl: `http://${service.addresses.grpc}`,
    protocol: "grpc",
    interceptors: [
      (next) => async (request) => {
        request.header.set("authorization", `Bearer ${await jwt.manager()}`);
        return await next(request);
      },
    ],
  });
  await using beach = new ManagerClient({
    transport: manager,
    privateBeachId,
    onRetired: () => undefined,
  });
  await beach.attach({ sessionId });
  const asked: string[] = [];
  await using client = createLeaseClient({
    baseUrl: service.httpUrl(""),
    bearer: (why) => {
      asked.push(why);
      return why === "first" ? "an old bearer" : jwt.person();
    },
  });
  const tile = client.hold({ sessionId });
  await tile.held();
  await vi.waitUntil(() => client.watch.status === "synced", patient);
  expect(tile.transport?.sessionId).toBe(sessionId);
  expect(asked).toEqual(["first", "rejected"]);
  await tile.release();
  manager.close();
});
