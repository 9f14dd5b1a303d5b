import { describe, expect, test } from "vitest";

import { managerHandshake, type Relay } from "../../../src/client/index.ts";
import {
  ConnectionState,
  TransportEnd,
  TransportPath,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { LeaseWorld, sessionId } from "./lease-world.ts";

const minute = 60_000;
const { CONNECTED, CLOSED } = ConnectionState;

async function onFastPath(): Promise<LeaseWorld> {
  const world = await LeaseWorld.open();
  world.hold();
  await world.advance(100);
  await world.report(CONNECTED);
  await world.advance(100);
  return world;
}

describe("a fast path that is lost", () => {
  test("is negotiated anew within a second, and not when the lease is due", async () => {
    await using world = await onFastPath();
    const { tile, told } = world.hold();
    await world.advance(100);
    await world.report(CLOSED);
    expect(tile.transport?.path).toBe(TransportPath.HTTP_FALLBACK);
    expect(tile.transport?.negotiation).toBeUndefined();
    await world.advance(1_000);
    expect(tile.transport?.negotiation).toBeDefined();
    expect(told.filter((event) => event.kind === "lost")).toEqual([]);
  });

  test("is negotiated by one tile of many; the others are spread, and see that it is done", async () => {
    await using world = await LeaseWorld.open();
    for (let tile = 0; tile < 20; tile += 1) {
      world.hold();
    }
    await world.advance(100);
    await world.report(CONNECTED);
    await world.advance(2_000);
    const before = world.called.length;
    let next = 0;
    const drawn = Array.from({ length: 20 }, (_, index) => 0.2 + index / 25);
    Object.defineProperty(world, "random", { get: () => drawn[next++ % drawn.length] });
    await world.report(CLOSED);
    await world.advance(1_500);
    const renewals = world.called.slice(before).filter((name) => name === "renew");
    expect(renewals.length).toBeGreaterThanOrEqual(1);
    expect(renewals.length).toBeLessThanOrEqual(3);
    const { sessions } = await world.registry.listSessions({});
    expect(sessions[0]?.transport?.negotiation?.attempt).toBe(1);
  });

  test("is negotiated when the service is willing, and not before", async () => {
    await using world = await onFastPath();
    const { tile } = world.hold();
    await world.advance(2_000);
    await world.report(CLOSED);
    // Nobody builds what is offered: the recovery fails, and the next one backs off.
    const attempts: (number | undefined)[] = [];
    const waits: boolean[] = [];
    for (let second = 0; second < 120; second += 1) {
      await world.advance(1_000);
      const { negotiation, nextNegotiationAt } = tile.transport ?? {};
      if (attempts.at(-1) !== negotiation?.attempt) attempts.push(negotiation?.attempt);
      waits.push(nextNegotiationAt !== undefined);
    }
    const tried = attempts.filter((attempt) => attempt !== undefined);
    expect(tried.slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect(waits).toContain(true);
  });

  test("is left alone by a tile that renews while it works", async () => {
    await using world = await onFastPath();
    const { tile, told } = world.hold();
    await world.advance(100);
    const generation = tile.transport?.generation;
    for (let second = 0; second < 300; second += 5) {
      await world.advance(5_000);
      await world.report(CONNECTED);
    }
    const outcomes = told.flatMap((event) => (event.kind === "renewed" ? [event.outcome] : []));
    expect(outcomes.length).toBeGreaterThan(14);
    expect(new Set(outcomes)).toEqual(new Set(["refresh"]));
    expect(tile.transport?.generation).toBe(generation);
  });
});

describe("a handshake that the service does not deliver itself", () => {
  test("is relayed once, however many renewals show it", async () => {
    await using world = await LeaseWorld.open();
    const relays: Relay[] = [];
    const { tile } = world.hold({ onRelay: (relay) => relays.push(relay) });
    await world.advance(100);
    tile.retry();
    await world.advance(100);
    expect(relays).toHaveLength(1);
    const [relay] = relays;
    expect(relay?.offer.handshakeId).toBe(tile.transport?.negotiation?.handshakeId);
    if (relay === undefined) throw new Error("nothing was relayed");
    expect(managerHandshake(relay, "1234")).toMatchObject({
      private_beach_id: "beach-1",
      controller_token: tile.lease?.controllerToken,
      lease_expires_at_ms: expect.any(Number),
      controller_auto_attach: {
        attach_code: "1234",
        handshake_id: relay.offer.handshakeId,
        issued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      },
    });
  });

  test("is relayed again where that failed", async () => {
    await using world = await LeaseWorld.open();
    const relayed: string[] = [];
    let failures = 1;
    const { tile } = world.hold({
      onRelay: async ({ offer }) => {
        if (failures-- > 0) throw new Error("Beach Road is away");
        relayed.push(offer.handshakeId);
      },
    });
    await world.advance(100);
    expect(relayed).toEqual([]);
    tile.retry();
    await world.advance(100);
    expect(relayed).toEqual([tile.transport?.negotiation?.handshakeId]);
  });

  test("is not relayed where the host watches", async () => {
    await using world = await LeaseWorld.open();
    const relays: Relay[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      const request = { sessionIds: [sessionId], reader: TransportEnd.HOST };
      for await (const _ of world.leases.watchTransport(request, { signal: stop.signal }));
    })().catch(() => undefined);
    await world.advance(100);
    const { told } = world.hold({ onRelay: (relay) => relays.push(relay) });
    await world.advance(1_000);
    expect(told).toMatchObject([{ kind: "acquired", outcome: "renegotiate" }]);
    expect(relays).toEqual([]);
    stop.abort();
    await watching;
  });
});

describe("one page", () => {
  test("has one stream for all of its tiles, also for those that come later", async () => {
    await using world = await LeaseWorld.open();
    const ids = Array.from({ length: 20 }, (_, index) => `many-${index}`);
    for (const id of ids) {
      await world.registry.attachSession({ sessionId: id, privateBeachId: "beach-1" });
    }
    const tiles = ids.slice(0, 19).map((id) => world.hold({ sessionId: id }).tile);
    await world.advance(200);
    expect(world.called.filter((name) => name === "watchTransport")).toHaveLength(1);
    const last = world.hold({ sessionId: ids[19] ?? "" }).tile;
    await world.advance(500);
    expect(world.streams).toBe(1);
    expect(world.streamsMax).toBe(1);
    expect([...tiles, last].map((tile) => tile.transport?.sessionId)).toEqual(ids);
    await Promise.all([...tiles, last].map((tile) => tile.release()));
    await world.advance(100);
    expect(world.streams).toBe(0);
  });

  test("says that it cannot watch more than 1,000 sessions by their names", async () => {
    const troubles: unknown[] = [];
    await using world = await LeaseWorld.open({ onTrouble: (error) => troubles.push(error) });
    const { watch } = world.client;
    for (let index = 0; index < 1_001; index += 1) watch.listen({}, `many-${index}`);
    await world.advance(200);
    expect(troubles).toMatchObject([{ message: /1001.*privateBeachId/ }]);
    expect(world.streams).toBe(1);
    await watch.stop();
  });

  test("says whether what it shows is current", async () => {
    await using world = await LeaseWorld.open();
    const { watch } = world.client;
    const seen: string[] = [];
    watch.onStatus(() => seen.push(watch.status));
    expect(watch.status).toBe("stopped");
    const { tile } = world.hold();
    await world.advance(200);
    world.network("down");
    await world.advance(minute, 500);
    expect(watch.status).toBe("connecting");
    world.network("up");
    await world.advance(15_000);
    await tile.release();
    expect(seen).toEqual(["connecting", "synced", "connecting", "synced", "stopped"]);
  });
});
