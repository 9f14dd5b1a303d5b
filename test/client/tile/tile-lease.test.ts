import { describe, expect, test } from "vitest";

import {
  ConnectionState,
  TransportPath,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { kinds, LeaseWorld, sessionId } from "./lease-world.ts";

const minute = 60_000;

describe("a tile", () => {
  test("acquires a lease, and renews it when the service says", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    expect(tile.state.kind).toBe("acquiring");
    await world.advance(100);
    expect(tile.state.kind).toBe("held");
    await world.report(ConnectionState.CONNECTED);
    const leaseId = tile.lease?.leaseId;
    await world.advance(5 * minute);
    const renewals = told.filter((event) => event.kind === "renewed");
    // The service says 15 to 20 s for a ttl of 30 s.
    expect(renewals.length).toBeGreaterThanOrEqual(15);
    expect(renewals.length).toBeLessThanOrEqual(20);
    expect(kinds(told).slice(1)).toEqual(renewals.map(() => "renewed"));
    expect(tile.lease?.leaseId).toBe(leaseId);
    expect(await world.liveLeases()).toMatchObject([{ leaseId }]);
  });

  test("gives its lease up when it is disposed of", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    expect(await world.liveLeases()).toHaveLength(1);
    await tile[Symbol.asyncDispose]();
    expect(await world.liveLeases()).toEqual([]);
    expect(tile.state.kind).toBe("released");
    await world.advance(5 * minute, 1_000);
    expect(kinds(told)).toEqual(["acquired", "released"]);
  });

  test("gives up as well what it was granted after it was disposed of", async () => {
    await using world = await LeaseWorld.open();
    const { tile } = world.hold();
    await tile.release();
    await world.advance(1_000);
    expect(world.called.filter((name) => name !== "watchTransport")).toEqual([
      "acquire",
      "release",
    ]);
    expect(await world.liveLeases()).toEqual([]);
  });

  test("has a lease of its own beside others on the same session", async () => {
    await using world = await LeaseWorld.open();
    const [one, other] = [world.hold(), world.hold()];
    await world.advance(100);
    await one.tile.release();
    await world.advance(minute);
    expect(other.tile.state.kind).toBe("held");
    expect(await world.liveLeases()).toMatchObject([{ leaseId: other.tile.lease?.leaseId }]);
  });

  test("that waits for its lease gets an error when there is none to wait for", async () => {
    await using world = await LeaseWorld.open();
    const { tile } = world.hold({ reason: "x".repeat(65) });
    const refused = expect(tile.held()).rejects.toThrow("reason");
    await world.advance(100);
    await refused;
    expect(tile.state).toMatchObject({ kind: "refused", refusal: { reason: "FIELD_INVALID" } });
    await world.advance(10 * minute, 1_000);
    expect(world.called.filter((name) => name === "acquire")).toHaveLength(1);
  });
});

describe("a network that is away", () => {
  test("makes the lease uncertain and no more, and one failed renewal does not stop it", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    await world.report(ConnectionState.CONNECTED);
    await world.advance(100);
    const { leaseId } = tile.lease ?? {};
    expect(tile.transport?.path).toBe(TransportPath.FAST_PATH);
    world.network("down");
    await world.advance(22_000);
    expect(tile.state).toMatchObject({ kind: "uncertain", trouble: { reason: "Unavailable" } });
    expect(tile.lease?.leaseId).toBe(leaseId);
    expect(tile.transport?.path).toBe(TransportPath.FAST_PATH);
    world.network("up");
    await world.advance(10_000);
    expect(tile.state).toMatchObject({ kind: "held", lease: { leaseId } });
    expect(kinds(told).filter((kind) => kind.startsWith("lost"))).toEqual([]);
  });

  test("for longer than the lease ends it by the monotonic clock, and it is acquired again", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    const before = tile.lease;
    world.network("down");
    await world.advance(29_000);
    expect(tile.state.kind).toBe("uncertain");
    await world.advance(1_500);
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "expired", isReacquiring: true });
    expect(tile.lease).toBeUndefined();
    await world.advance(minute);
    world.network("up");
    await world.advance(15_000);
    expect(tile.state.kind).toBe("held");
    expect(tile.lease?.epoch).toBeGreaterThan(before?.epoch ?? 0n);
    expect(kinds(told).filter((kind) => kind !== "failed")).toEqual([
      "acquired",
      "lost: expired",
      "acquired",
    ]);
  });

  test("that swallows calls is waited for no longer than a call may take", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    world.network("silent");
    await world.advance(28_000);
    expect(tile.state).toMatchObject({
      kind: "uncertain",
      trouble: { reason: "DeadlineExceeded" },
    });
    const tries = told.filter((event) => event.kind === "failed");
    expect(tries.length).toBeGreaterThanOrEqual(1);
    world.network("up");
    await world.advance(10_000);
    expect(tile.state.kind).toBe("held");
  });

  test("that comes back is used at once where the browser says so", async () => {
    await using world = await LeaseWorld.open();
    const { tile } = world.hold();
    await world.advance(100);
    world.network("down");
    await world.advance(5 * minute, 1_000);
    world.network("up");
    world.device.tell("awake");
    await world.advance(200);
    expect(tile.state.kind).toBe("held");
    expect(world.streams).toBe(1);
  });

  test("is tried less and less often, and never given up", async () => {
    await using world = await LeaseWorld.open();
    world.network("down");
    const { told } = world.hold();
    await world.advance(10 * minute, 500);
    const waits = told.flatMap((event) => (event.kind === "failed" ? [event.retryInMs] : []));
    expect(waits.slice(0, 6)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000]);
    expect(new Set(waits.slice(6))).toEqual(new Set([10_000]));
    expect(waits.length).toBeGreaterThan(50);
  });
});

describe("a machine that slept", () => {
  test("longer than the lease knows by the wall clock that it ended, and acquires again", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    const { leaseId } = tile.lease ?? {};
    await world.sleep(10 * minute);
    await world.advance(25_000);
    expect(tile.state.kind).toBe("held");
    expect(tile.lease?.leaseId).not.toBe(leaseId);
    expect(kinds(told)[1]).toBe("lost: expired");
  });

  test("notices at once what a message of the watch or an event of the page shows", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    await world.sleep(10 * minute);
    expect(kinds(told)).toEqual(["acquired", "lost: expired", "acquired"]);
    world.device.sleep(10 * minute);
    world.device.tell("awake");
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "expired" });
    await world.advance(200);
    expect(tile.state.kind).toBe("held");
  });

  test("and whose wall clock is set forward keeps the lease that it still has", async () => {
    await using world = await LeaseWorld.open();
    const { tile } = world.hold();
    await world.advance(100);
    const { leaseId, epoch } = tile.lease ?? {};
    world.device.stepWall(60 * minute);
    await world.advance(30_000);
    expect(tile.state).toMatchObject({ kind: "held", lease: { leaseId, epoch } });
  });

  test("and whose wall clock is set back renews in time all the same", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    world.device.stepWall(-60 * minute);
    await world.advance(2 * minute);
    expect(tile.state.kind).toBe("held");
    expect(new Set(kinds(told).slice(1))).toEqual(new Set(["renewed"]));
  });
});

describe("a service that is restarted", () => {
  test("with its store gives the same lease, and no fast path is touched", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    await world.report(ConnectionState.CONNECTED);
    await world.advance(20_000);
    const { leaseId } = tile.lease ?? {};
    const generation = tile.transport?.generation;
    await world.restart("keeps its store", 8_000);
    await world.advance(15_000);
    expect(tile.state).toMatchObject({ kind: "held", lease: { leaseId } });
    expect(tile.transport?.generation).toBe(generation);
    expect(kinds(told).filter((kind) => kind.startsWith("lost"))).toEqual([]);
  });

  test("without its store no longer knows the lease, and another one is acquired", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    const { epoch = 0n } = tile.lease ?? {};
    await world.restart("loses its store");
    await world.registry.attachSession({ sessionId, privateBeachId: "beach-1" });
    await world.advance(25_000);
    expect(tile.lease?.epoch).toBeGreaterThan(epoch);
    expect(kinds(told).filter((kind) => !["failed", "renewed"].includes(kind))).toEqual([
      "acquired",
      "lost: unknown",
      "acquired",
    ]);
  });
});

describe("a lease that somebody ended", () => {
  test("by a revocation is not acquired again, also once the hold is over", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    await world.registry.revokeLeases({ sessionId });
    await world.advance(1_500);
    expect(tile.state).toEqual({ kind: "lost", endedBy: "revoked", isReacquiring: false });
    await world.advance(10 * minute, 1_000);
    expect(kinds(told)).toEqual(["acquired", "lost: revoked"]);
    expect(await world.liveLeases()).toEqual([]);
    tile.retry();
    await world.advance(100);
    expect(tile.state.kind).toBe("held");
  });

  test("by a revocation while the network was away is not acquired again either", async () => {
    await using world = await LeaseWorld.open();
    const { tile } = world.hold();
    await world.advance(100);
    world.network("down");
    await world.registry.revokeLeases({ sessionId });
    await world.advance(5 * minute, 1_000);
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "expired", isReacquiring: true });
    world.network("up");
    await world.advance(minute);
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "revoked", isReacquiring: false });
    expect(await world.liveLeases()).toEqual([]);
  });

  test("by releasing it with the same token is not taken back", async () => {
    await using world = await LeaseWorld.open();
    const { tile } = world.hold();
    await world.advance(100);
    const { controllerToken = "" } = tile.lease ?? {};
    await world.leases.release({ sessionId, controllerToken });
    await world.advance(minute);
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "released", isReacquiring: false });
  });

  test("by detaching the session is acquired again once that is attached", async () => {
    await using world = await LeaseWorld.open();
    const { tile } = world.hold();
    await world.advance(100);
    await world.registry.detachSession({ sessionId, reason: "closed" });
    await world.advance(1_000);
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "detached", isReacquiring: false });
    await world.advance(5 * minute, 1_000);
    expect(await world.liveLeases()).toEqual([]);
    await world.registry.attachSession({ sessionId, privateBeachId: "beach-1" });
    await world.advance(1_500);
    expect(tile.state.kind).toBe("held");
  });

  test("while a hold is on is refused, and waits for a person", async () => {
    await using world = await LeaseWorld.open();
    await world.registry.revokeLeases({ sessionId });
    const { tile, told } = world.hold();
    await world.advance(10 * minute, 1_000);
    expect(tile.state).toMatchObject({ kind: "refused", refusal: { reason: "REVOKED" } });
    expect(kinds(told)).toEqual(["refused"]);
  });
});

test("a session that is not known yet is acquired as soon as it is attached", async () => {
  await using world = await LeaseWorld.open();
  const { tile } = world.hold({ sessionId: "session-2" });
  await world.advance(2 * minute, 1_000);
  expect(tile.state).toMatchObject({ kind: "acquiring", trouble: { reason: "SESSION_UNKNOWN" } });
  await world.registry.attachSession({ sessionId: "session-2", privateBeachId: "beach-1" });
  await world.advance(1_000);
  expect(tile.state.kind).toBe("held");
});
