import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";

import { expect, test } from "vitest";

import { isOfTheMachine } from "./gaps.ts";
import { ProcessWatch } from "./process-watch.ts";

const busy = "for (const end = Date.now() + 1500; Date.now() < end; );";

function runBusy(): { readonly pid: number; readonly ended: Promise<unknown> } {
  const child = spawn(process.execPath, ["-e", busy]);
  return { pid: child.pid ?? -1, ended: new Promise((resolve) => child.once("exit", resolve)) };
}

test.each([
  [1_726, 0, false],
  [1_726, 400, false],
  [1_726, 500, true],
])("of a gap of %i ms, held up for %i ms: the machine's is %o", (lengthMs, heldUpMs, expected) => {
  expect(isOfTheMachine({ lengthMs, heldUpMs })).toBe(expected);
});

test("a process that others keep from running is seen to be held up", async () => {
  const watched = runBusy();
  const others = Array.from({ length: 2 * availableParallelism() }, runBusy);
  using watch = new ProcessWatch(watched.pid);
  const from = Date.now();
  await watched.ended;
  const until = Date.now();
  await Promise.all(others.map(({ ended }) => ended));
  expect(watch.heldUpMs(from, until)).toBeGreaterThan((until - from) / 4);
});
