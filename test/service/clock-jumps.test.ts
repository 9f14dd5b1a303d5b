import { describe, expect, test } from "vitest";

import { steeredClock } from "../../src/service/time/clock.ts";
import { accepted } from "../support/redis/redis-service.ts";
import { manualClock } from "../support/service/manual-clock.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../support/service/session-service.ts";
import { acquire } from "../support/service/watching.ts";

const hour = 3_600_000;

function received({ seen }: ServiceUnderTest, kind: "gap" | "clock") {
  return seen.filter((event) => event.kind === kind);
}

async function remainingMs(under: ServiceUnderTest): Promise<readonly number[]> {
  const { session } = await accepted(under, "s1", { kind: "PassTime" });
  return session.leases.live.map(({ expiresAt }) => expiresAt - under.clock.now());
}

async function leased(): Promise<ServiceUnderTest> {
  const under = await serviceUnderTest();
  await accepted(under, "s1", attach);
  await acquire(under, "s1", "tile");
  return under;
}

describe("a wall clock that is stepped", () => {
  test.each([
    ["forward", 8 * hour],
    ["back", -8 * hour],
  ])("%s is told, makes no gap, and ends no lease sooner or later", async (_, byMs) => {
    await using under = await leased();
    await under.clock.advance(10_000);
    under.clock.stepWall(byMs);
    await under.clock.advance(10_000);
    expect(await remainingMs(under)).toEqual([10_000]);
    expect(received(under, "gap")).toEqual([]);
    expect(received(under, "clock")).toEqual([{ kind: "clock", jump: { kind: "stepped", byMs } }]);
    await under.clock.advance(9_999);
    expect(await remainingMs(under)).toEqual([1]);
    await under.clock.advance(1);
    expect(await remainingMs(under)).toEqual([]);
  });
});

describe("a machine that was suspended", () => {
  test("could receive nothing: a gap is recorded before any answer", async () => {
    await using under = await leased();
    await under.clock.advance(25_000);
    const before = under.clock.now();
    await under.clock.suspend(8 * hour);
    expect(await remainingMs(under)).toEqual([expect.any(Number)]);
    const [left = 0] = await remainingMs(under);
    expect(left).toBeGreaterThanOrEqual(30_000);
    expect(left).toBeLessThanOrEqual(33_000);
    expect(received(under, "clock")).toMatchObject([
      { jump: { kind: "suspended", byMs: 8 * hour } },
    ]);
    const [gap] = received(under, "gap");
    expect(gap).toMatchObject({ gap: { kind: "absence", until: before + 8 * hour } });
    expect(received(under, "gap")).toHaveLength(1);
  });

  test.each([1_100, 1_200, 3_000])(
    "for %i ms has not received anything either",
    async (suspendedMs) => {
      await using under = await leased();
      await under.clock.advance(29_500);
      await under.clock.suspend(suspendedMs);
      expect(await remainingMs(under)).toHaveLength(1);
      expect(received(under, "gap")).toHaveLength(1);
      expect(under.seen.filter((event) => event.kind === "refused")).toEqual([]);
    },
  );

  test("and a stall right after it lie side by side", async () => {
    await using under = await leased();
    await under.clock.suspend(hour);
    await under.clock.jump(5_000);
    await under.clock.suspend(hour);
    // Until the next heartbeat notices.
    await under.clock.advance(1_000);
    const gaps = received(under, "gap").flatMap((event) =>
      event.kind === "gap" ? [event.gap] : [],
    );
    expect(gaps.length).toBeGreaterThanOrEqual(2);
    for (const [index, gap] of gaps.entries()) {
      expect(gap.from).toBeGreaterThanOrEqual(gaps[index - 1]?.until ?? 0);
    }
  });
});

describe("a clock that is kept to another one", () => {
  test("moves forward by a suspend at once, and reports it", async () => {
    const base = manualClock();
    const clock = steeredClock(base);
    clock.steer(500);
    const kinds: string[] = [];
    clock.jumps(({ kind }) => kinds.push(kind));
    const before = clock.now();
    await base.suspend(8 * hour);
    expect(clock.now()).toBe(before + 8 * hour);
    expect(kinds).toEqual(["suspended"]);
  });
});
