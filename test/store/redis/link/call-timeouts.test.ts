import { expect, test } from "vitest";

import type { Clock } from "../../../../src/service/time/clock.ts";
import { CallTimeouts } from "../../../../src/store/redis/link/call-timeouts.ts";
import { settle } from "../../../support/service/manual-clock.ts";

/** A clock whose sleepers wake on request, however late. */
function lateClock(): Clock & { wake(atMs: number): Promise<void> } {
  let nowMs = 0;
  let wakeSleeper: (() => void) | undefined;
  return {
    now: () => nowMs,
    wall: () => nowMs,
    jumps: () => ({ [Symbol.dispose]: () => undefined }),
    sleep: () =>
      new Promise((resolve) => {
        wakeSleeper = resolve;
      }),
    async wake(atMs) {
      nowMs = atMs;
      wakeSleeper?.();
      await settle();
    },
  };
}

function limited(clock: Clock) {
  const timeouts = new CallTimeouts(clock, 900);
  void timeouts.run(new AbortController().signal);
  let isGivenUp = false;
  timeouts.limit(new Promise(() => undefined)).catch(() => {
    isGivenUp = true;
  });
  return { isGivenUp: () => isGivenUp };
}

test("a call is given up when its time is over, and not before", async () => {
  const clock = lateClock();
  const call = limited(clock);
  for (let at = 100; at <= 800; at += 100) await clock.wake(at);
  expect(call.isGivenUp()).toBe(false);
  await clock.wake(900);
  expect(call.isGivenUp()).toBe(true);
});

test("a call is not given up for the time in which its process stood still", async () => {
  const clock = lateClock();
  const call = limited(clock);
  await clock.wake(60_000);
  expect(call.isGivenUp()).toBe(false);
});
