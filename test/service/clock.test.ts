import { describe, expect, test, vi } from "vitest";

import { type SteeredClock, steeredClock, systemClock } from "../../src/service/time/clock.ts";
import { type ManualClock, manualClock } from "../support/service/manual-clock.ts";

const start = 1_700_000_000_000;
const hour = 3_600_000;

interface Steered {
  readonly base: ManualClock;
  readonly clock: SteeredClock;
}

function steered(): Steered {
  const base = manualClock(start);
  return { base, clock: steeredClock(base) };
}

describe("a clock that is kept to another one", () => {
  test("keeps its own time until it is steered", async () => {
    const { base, clock } = steered();
    await base.advance(7);
    expect(clock.now()).toBe(start + 7);
  });

  test.each([
    ["behind", hour],
    ["ahead", -hour],
  ])("takes the first word as it is, when it was %s", async (_, aheadMs) => {
    const { base, clock } = steered();
    // Read before the word came: an hour that was wrong must not be waited for.
    expect(clock.now()).toBe(start);
    clock.steer(aheadMs);
    expect(clock.now()).toBe(start + aheadMs);
    await base.advance(1_000);
    expect(clock.now()).toBe(start + aheadMs + 1_000);
  });

  test.each([
    ["faster", hour, 1_010],
    ["slower", -hour, 990],
  ])("goes %s by one percent at most from the second word on", async (_, aheadMs, secondMs) => {
    const { base, clock } = steered();
    clock.steer(0);
    for (let second = 1; second <= 10; second++) {
      await base.advance(500);
      clock.steer(aheadMs);
      await base.advance(500);
      clock.steer(aheadMs);
      expect(clock.now()).toBe(start + second * secondMs);
    }
  });

  test("is bent no further by many words than by one", async () => {
    const { base, clock } = steered();
    clock.steer(0);
    await base.advance(1_000);
    for (let word = 0; word < 100; word++) clock.steer(hour);
    expect(clock.now()).toBe(start + 1_010);
  });

  test("never goes back, and stands still no longer than the correction", async () => {
    const { base, clock } = steered();
    clock.steer(0);
    await base.advance(1_000);
    const before = clock.now();
    clock.steer(-hour);
    expect(clock.now()).toBe(before);
    await base.advance(10);
    expect(clock.now()).toBe(before);
    await base.advance(1);
    expect(clock.now()).toBe(before + 1);
  });

  test("reaches the other's time in the end, and stays there", async () => {
    const { base, clock } = steered();
    const aheadMs = 40;
    const word = (): void => clock.steer(base.now() + aheadMs - clock.now());
    clock.steer(0);
    for (let second = 0; second < 5; second++) {
      await base.advance(1_000);
      word();
    }
    expect(clock.now() - base.now()).toBe(aheadMs);
    await base.advance(1_000);
    word();
    expect(clock.now() - base.now()).toBe(aheadMs);
  });

  test("leaves the wall clock alone", () => {
    const { base, clock } = steered();
    clock.steer(hour);
    expect(clock.wall()).toBe(base.wall());
  });
});

test("the system's clock sleeps longer than one timer can", async () => {
  vi.useFakeTimers();
  try {
    const longMs = 2 ** 32;
    let isOver = false;
    const slept = systemClock()
      .sleep(longMs, new AbortController().signal)
      .then(() => {
        isOver = true;
      });
    await vi.advanceTimersByTimeAsync(longMs - 1);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await slept;
  } finally {
    vi.useRealTimers();
  }
});
