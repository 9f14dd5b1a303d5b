import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { afterEach, expect, test, vi } from "vitest";

import { giveMemoryBack, trimmer } from "../src/give-memory-back.ts";
import { manualClock, settle } from "./support/service/manual-clock.ts";

const megabyte = 1_000_000;
const stopping: AbortController[] = [];

afterEach(() => {
  for (const stop of stopping.splice(0)) stop.abort();
});

function start({ busyShare = 0, isThere = true } = {}) {
  const clock = manualClock();
  const stop = new AbortController();
  stopping.push(stop);
  const trim = vi.fn(async () => undefined);
  const ended = vi.fn();
  void giveMemoryBack({
    sleep: (durationMs, signal) => clock.sleep(durationMs, signal),
    signal: stop.signal,
    busyShare: () => busyShare,
    trimmer: async () => (isThere ? trim : undefined),
  }).then(ended);
  return { clock, stop, trim, ended };
}

test("memory is given back every ten seconds while the process is not busy", async () => {
  const { clock, trim } = start({ busyShare: 0.5 });
  await clock.advance(9_999);
  expect(trim).not.toHaveBeenCalled();
  await clock.advance(1);
  expect(trim).toHaveBeenCalledTimes(1);
  await clock.advance(10_000);
  expect(trim).toHaveBeenCalledTimes(2);
});

test("a busy process is not disturbed", async () => {
  const { clock, trim } = start({ busyShare: 0.51 });
  await clock.advance(10_000);
  await clock.advance(10_000);
  expect(trim).not.toHaveBeenCalled();
});

test("it ends with the process", async () => {
  const { clock, stop, trim, ended } = start();
  await clock.advance(10_000);
  stop.abort();
  await settle();
  expect(ended).toHaveBeenCalled();
  expect(trim).toHaveBeenCalledTimes(1);
});

test("nothing waits where there is no way to give memory back", async () => {
  const { clock, ended } = start({ isThere: false });
  await clock.advance(10_000);
  expect(ended).toHaveBeenCalled();
  expect(clock.sleeping).toBe(0);
});

test.skipIf(!hasGlibc())(
  "what lies free between pieces in use goes back to the system",
  async () => {
    const trim = await trimmer();
    if (trim === undefined) throw new Error("koffi is not installed");
    let pieces = Array.from({ length: 100_000 }, () => Buffer.allocUnsafeSlow(2_000).fill(1));
    pieces = pieces.filter((_, index) => index % 100 === 0);
    collectGarbage();
    const before = process.memoryUsage.rss();
    await trim();
    expect(before - process.memoryUsage.rss()).toBeGreaterThan(100 * megabyte);
    expect(pieces).toHaveLength(1_000);
  },
);

function hasGlibc(): boolean {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What the first one frees beside the heap, another thread gives back before the second.
  collect();
  collect();
}
