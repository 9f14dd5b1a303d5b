import { describe, expect, test } from "vitest";

import { type ClockJump, machineClock } from "../../src/service/time/clock.ts";
import { WallTime } from "../../src/service/time/wall-time.ts";

const start = 1_700_000_000_000;
const hour = 3_600_000;

/** A machine whose clocks are moved by hand, and the jumps that its service time reported. */
function machine() {
  const at = { wall: start, monotonic: 5_000, boot: 70_000 };
  const pass = (ms: number, ...stood: readonly (keyof typeof at)[]): void => {
    for (const name of ["wall", "monotonic", "boot"] as const) {
      if (!stood.includes(name)) at[name] += ms;
    }
  };
  const clock = machineClock(
    { wall: () => at.wall, monotonic: () => at.monotonic, boot: () => at.boot },
    () => Promise.resolve(),
  );
  const jumps: ClockJump[] = [];
  clock.jumps((jump) => jumps.push(jump));
  return {
    at,
    pass,
    suspend: (ms: number) => pass(ms, "monotonic"),
    clock,
    wallTime: new WallTime(clock),
    jumps,
  };
}

describe("service time", () => {
  test("begins at the wall clock and goes by the monotonic one", () => {
    const { clock, pass, jumps } = machine();
    expect(clock.now()).toBe(start);
    pass(12_345.9);
    expect(clock.now()).toBe(start + 12_345);
    expect(jumps).toEqual([]);
  });

  test("begins at the wall clock also where the process is interrupted between two clocks", () => {
    let interruptions = 3;
    let now = 0;
    const read = (origin: number) => () => {
      const shown = origin + now;
      if (interruptions > 0) {
        interruptions -= 1;
        now += 300;
      }
      return shown;
    };
    const clocks = { wall: read(start), monotonic: read(5_000), boot: read(70_000) };
    const clock = machineClock(clocks, () => Promise.resolve());
    expect(clock.now()).toBe(start + now);
  });

  test("begins no earlier than a moment that was recorded", () => {
    const { clock } = machine();
    clock.beginAt(start - hour);
    expect(clock.now()).toBe(start);
    clock.beginAt(start + hour);
    expect(clock.now()).toBe(start + hour);
  });

  test.each([
    ["forward", 8 * hour],
    ["back", -8 * hour],
    ["forward a little", 101],
  ])("is not moved by a wall clock that is stepped %s, which is told once", (_, byMs) => {
    const { clock, at, pass, jumps } = machine();
    at.wall += byMs;
    expect(clock.now()).toBe(start);
    expect(jumps).toEqual([{ kind: "stepped", byMs }]);
    pass(5_000);
    expect(clock.now()).toBe(start + 5_000);
    expect(jumps).toHaveLength(1);
  });

  test("sees no step while the wall clock is slewed, however far", () => {
    const { clock, at, pass, jumps } = machine();
    for (let second = 0; second < 3_600; second++) {
      pass(1_000);
      at.wall += 0.5;
      clock.now();
    }
    expect(clock.now()).toBe(start + hour);
    expect(jumps).toEqual([]);
  });

  test("moves forward by a suspend, which is reported before anything uses the new time", () => {
    const { clock, suspend, pass, jumps } = machine();
    pass(500);
    const shown: string[] = [];
    clock.jumps(({ kind }) => shown.push(kind));
    suspend(8 * hour);
    expect(clock.now()).toBe(start + 8 * hour + 500);
    expect(shown).toEqual(["suspended"]);
    expect(jumps).toEqual([{ kind: "suspended", byMs: 8 * hour }]);
    suspend(2_000);
    expect(clock.now()).toBe(start + 8 * hour + 2_500);
    expect(jumps).toHaveLength(2);
  });

  test("distinguishes a suspend from a step that comes with it", () => {
    const { clock, at, suspend, jumps } = machine();
    suspend(8 * hour);
    at.wall -= 3 * hour;
    expect(clock.now()).toBe(start + 8 * hour);
    expect(jumps).toEqual([
      { kind: "suspended", byMs: 8 * hour },
      { kind: "stepped", byMs: -3 * hour },
    ]);
  });

  test("finds a suspend that the wall clock does not show within a second", () => {
    const { clock, pass, jumps } = machine();
    pass(8 * hour, "wall", "monotonic");
    pass(1_000);
    expect(clock.now()).toBe(start + 8 * hour + 1_000);
    expect(jumps).toContainEqual({ kind: "suspended", byMs: 8 * hour });
  });

  test("takes a boot clock that shows whole seconds for no suspend", () => {
    const at = { monotonic: 0.4 };
    const clock = machineClock(
      {
        wall: () => start + at.monotonic,
        monotonic: () => at.monotonic,
        boot: () => Math.floor((at.monotonic + 700) / 1000) * 1000,
      },
      () => Promise.resolve(),
    );
    const jumps: ClockJump[] = [];
    clock.jumps((jump) => jumps.push(jump));
    for (let turn = 0; turn < 5_000; turn++) {
      at.monotonic += 333;
      clock.now();
    }
    expect(jumps).toEqual([]);
  });

  test("is not sent to a listener that has left", () => {
    const { clock, at, jumps } = machine();
    const late: ClockJump[] = [];
    clock.jumps((jump) => late.push(jump))[Symbol.dispose]();
    at.wall += hour;
    clock.now();
    expect([jumps.length, late.length]).toEqual([1, 0]);
  });
});

describe("times shown outside", () => {
  test("is service time while the two agree, to a tenth of a second", () => {
    const { wallTime, at } = machine();
    expect(wallTime.toWall(start + 7)).toBe(start + 7);
    at.wall += 100;
    expect(wallTime.toWall(start + 7)).toBe(start + 7);
  });

  test("is on the wall clock once that was stepped, and reads the same until it is again", () => {
    const { wallTime, at, pass } = machine();
    at.wall -= 8 * hour;
    const shown = wallTime.toWall(start + 30_000);
    expect(shown).toBe(at.wall + 30_000);
    for (let turn = 0; turn < 100; turn++) {
      pass(977);
      at.wall += turn % 2 === 0 ? 3 : -3;
      expect(wallTime.toWall(start + 30_000)).toBe(shown);
    }
    at.wall += 8 * hour;
    expect(wallTime.toWall(start + 30_000)).toBe(start + 30_000);
  });

  test("moves forward over a suspend as the wall clock does", () => {
    const { wallTime, clock, at, suspend } = machine();
    suspend(8 * hour);
    expect(wallTime.toWall(clock.now())).toBe(at.wall);
  });
});
