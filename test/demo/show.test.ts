import { expect, test } from "vitest";

import { openDemo } from "../../src/demo/show.ts";

function runningProcesses(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "ProcessWrap").length;
}

test("a key pressed again while its action is under way is ignored, with a note", async () => {
  const lines: string[] = [];
  await using demo = await openDemo((line) => void lines.push(line), new AbortController().signal);
  const before = runningProcesses();
  const killing = demo.perform("host");
  demo.press("h");
  demo.press("s");
  await killing;
  expect(runningProcesses()).toBe(before);
  expect(lines.filter((line) => line.includes("its host"))).toEqual([
    "  ->  pong-left   its host is killed, and restarted after 2 s",
    "  ->  pong-left   ignored: its host is about to be restarted",
    "  ->  pong-left   ignored: its host is about to be restarted",
  ]);
});

test("a session without a fast path has none that could be closed", async () => {
  const lines: string[] = [];
  await using demo = await openDemo((line) => void lines.push(line), new AbortController().signal);
  await demo.perform("close");
  expect(lines.at(-1)).toBe("  ->  pong-left   ignored: it has no fast path to close");
});

test("closing or replacing a fast path twice at once is done once", async () => {
  const lines: string[] = [];
  const received = new EventTarget();
  const print = (line: string): void => {
    lines.push(line);
    received.dispatchEvent(new Event("line"));
  };
  const said = async (text: string): Promise<void> => {
    while (!lines.some((line) => line.includes(text))) {
      await new Promise((resolve) => received.addEventListener("line", resolve, { once: true }));
    }
  };
  await using demo = await openDemo(print, new AbortController().signal);
  await said("pong-left   it is on a fast path");
  for (const key of ["r", "r"]) demo.press(key);
  await said("pong-left   another fast path has taken over");
  for (const key of ["k", "k", "c"]) demo.press(key);
  await said("pong-left   its fast path is lost");
  expect(lines.filter((line) => line.includes("ignored"))).toEqual([
    "  ->  pong-left   ignored: an operator has just replaced the fast path",
    "  ->  pong-left   ignored: its connection has just been closed",
    "  ->  pong-left   ignored: its connection has just been closed",
  ]);
});
