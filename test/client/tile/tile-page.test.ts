import { describe, expect, test } from "vitest";

import { kinds, LeaseWorld, sessionId } from "./lease-world.ts";

const minute = 60_000;

/** How many leases the service counts, second by second. */
async function leasesDuring(world: LeaseWorld, durationMs: number): Promise<ReadonlySet<number>> {
  const counts = new Set<number>();
  for (let passed = 0; passed < durationMs; passed += 5_000) {
    await world.advance(5_000, 1_000);
    counts.add((await world.liveLeases()).length);
  }
  return counts;
}

describe("a hidden page", () => {
  test("whose timers fire once a minute keeps its lease", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    const { leaseId } = tile.lease ?? {};
    world.device.hide();
    world.device.timersEveryMs = minute;
    expect(await leasesDuring(world, 20 * minute)).toEqual(new Set([1]));
    expect(tile.lease?.leaseId).toBe(leaseId);
    expect(kinds(told).filter((kind) => kind !== "renewed")).toEqual(["acquired"]);
  });

  test("would lose it with a ttl for shown pages, and without signs of life", async () => {
    await using world = await LeaseWorld.open({ hiddenTtlMs: 30_000 });
    world.hold();
    await world.advance(100);
    world.device.hide();
    world.device.timersEveryMs = minute;
    world.network("silent");
    expect(await leasesDuring(world, 5 * minute)).toEqual(new Set([1, 0]));
  });

  test("whose timers never fire renews by the messages of the watch", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    const { leaseId } = tile.lease ?? {};
    world.device.timersEveryMs = Number.POSITIVE_INFINITY;
    expect(await leasesDuring(world, 10 * minute)).toEqual(new Set([1]));
    expect(tile.lease?.leaseId).toBe(leaseId);
    expect(kinds(told).filter((kind) => kind === "renewed").length).toBeGreaterThan(15);
  });

  test("asks for more time at once, and for the usual time once it is shown again", async () => {
    await using world = await LeaseWorld.open();
    const { told } = world.hold();
    await world.advance(1_000);
    const remaining = async (): Promise<number> =>
      Number((await world.liveLeases())[0]?.expiresIn?.seconds ?? 0n);
    expect(await remaining()).toBeLessThanOrEqual(30);
    world.device.hide();
    await world.advance(100);
    expect(kinds(told)).toEqual(["acquired", "renewed"]);
    expect(await remaining()).toBeGreaterThan(290);
    await world.advance(6 * minute, 500);
    world.device.show();
    await world.advance(4 * minute, 500);
    world.network("down");
    await world.advance(31_000);
    expect(await remaining()).toBe(0);
  });

  test("that was hidden before it had a lease asks for more time with the first call", async () => {
    await using world = await LeaseWorld.open();
    world.device.hide();
    world.hold();
    await world.advance(1_000);
    expect(world.called.filter((name) => name === "acquire" || name === "renew")).toEqual([
      "acquire",
    ]);
    const [lease] = await world.liveLeases();
    expect(Number(lease?.expiresIn?.seconds)).toBeGreaterThan(290);
  });
});

describe("a page that goes away", () => {
  test("gives its leases up, and takes them again when the browser shows it again", async () => {
    await using world = await LeaseWorld.open();
    const { tile, told } = world.hold();
    await world.advance(100);
    world.device.tell("leaving");
    await world.advance(100);
    expect(await world.liveLeases()).toEqual([]);
    await world.advance(5 * minute, 1_000);
    expect(await world.liveLeases()).toEqual([]);
    world.device.tell("returned");
    await world.advance(200);
    expect(tile.state.kind).toBe("held");
    expect(kinds(told)).toEqual(["acquired", "released", "acquired"]);
  });

  test("and comes back does not take again what was revoked", async () => {
    await using world = await LeaseWorld.open();
    const { tile } = world.hold();
    await world.advance(100);
    await world.registry.revokeLeases({ sessionId });
    await world.advance(1_500);
    world.device.tell("leaving");
    await world.advance(2 * minute, 1_000);
    world.device.tell("returned");
    await world.advance(minute);
    expect(tile.state).toMatchObject({ kind: "lost", endedBy: "revoked" });
    expect(await world.liveLeases()).toEqual([]);
  });
});
