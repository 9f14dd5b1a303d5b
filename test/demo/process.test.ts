import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";

import { afterEach, expect, test } from "vitest";

import { hasTerminals, spawnOnTerminal } from "../support/process/terminal.ts";

const main = join(import.meta.dirname, "../../src/demo/main.ts");

const running = new Set<ChildProcess>();

// A test that failed must not leave its processes behind.
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

type Demo = ChildProcessByStdio<null, Readable, Readable>;

/** In a process group of its own, as from a shell, and without a terminal. */
function start(...args: string[]): Demo {
  const demo = spawn(process.execPath, [main, ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(demo);
  return demo;
}

/** What was printed until the text was, or all output has ended. */
async function printed(stdout: Readable, text: string): Promise<string> {
  let all = "";
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    all += String(chunk);
    if (all.includes(text)) break;
  }
  return all;
}

/**
 * What the demo ended with and said to standard error. Every process of it holds that open, so none
 * is left when this resolves.
 */
async function ended(demo: Demo): Promise<{ exit: unknown; stderr: string }> {
  let stderr = "";
  demo.stderr.on("data", (chunk) => {
    stderr += String(chunk);
  });
  demo.stdout.resume();
  const [code, signal] = await once(demo, "close");
  return { exit: signal ?? code, stderr };
}

test.each([
  ["--bogus", "Unknown option '--bogus': npm run demo -- --help lists the options"],
  ["host", "Unexpected argument 'host': npm run demo -- --help lists the options"],
  [
    "--kill=softly",
    /^--kill is "softly": it must be one of close, channel, host, silence, replica$/,
  ],
  ["--seconds=soon", /^--seconds is "soon": it must be a number above 0, up to 86400$/],
  ["--seconds=1e9", /^--seconds is "1e9": it must be/],
  ["--page-port=65536", /^--page-port is "65536": it must be a number from 0 to 65535$/],
])("%s on the command line is refused in a line, and the exit code is 64", async (arg, what) => {
  const { exit, stderr } = await ended(start(arg));
  expect(exit).toBe(64);
  const [line = "", ...rest] = stderr.split("\n");
  expect(line.replace(/^demo: /, "")).toMatch(what);
  expect(rest).toEqual([""]);
});

test("--seconds ends everything by itself", async () => {
  expect(await ended(start("--seconds", "1"))).toEqual({ exit: 0, stderr: "" });
});

test("the Pong page is served where the demo says, for as long as it runs", async () => {
  const demo = start();
  const said = await printed(demo.stdout, "Pong page: ");
  const url = /^Pong page: (http:\/\/127\.0\.0\.1:\d+\/)$/m.exec(said)?.[1];
  expect((await fetch(String(url))).status).toBe(200);
  demo.kill("SIGINT");
  expect(await ended(demo)).toEqual({ exit: 0, stderr: "" });
  await expect(fetch(String(url))).rejects.toThrow();
});

test("a port for the page that is taken ends everything, and is named", async () => {
  await using taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const { exit, stderr } = await ended(start("--page-port", String(port)));
  expect(exit).toBe(1);
  expect(stderr).toMatch(new RegExp(`^demo: .*EADDRINUSE.*:${port}\n$`));
});

test("--no-page serves none", async () => {
  const demo = start("--no-page", "--seconds", "1");
  expect(await printed(demo.stdout, "renegotiated\n")).not.toContain("Pong page: ");
  expect(await ended(demo)).toEqual({ exit: 0, stderr: "" });
});

/** When something happens to a demo, and what it has printed by then. */
const moments = [
  ["before anything has started", "starting"],
  ["while the manager starts", "service: "],
  ["once it runs", "renegotiated\n"],
] as const;

test.each(moments)(
  "Ctrl-C %s ends every process of it, without a complaint",
  async (_when, text) => {
    const demo = start();
    await printed(demo.stdout, text);
    // A terminal signals the whole group, and npm passes the signal on once more.
    process.kill(-(demo.pid ?? 0), "SIGINT");
    process.kill(-(demo.pid ?? 0), "SIGINT");
    expect(await ended(demo)).toEqual({ exit: 0, stderr: "" });
  },
);

test.each(moments)("no process outlives a demo that is killed %s", async (_when, text) => {
  const demo = start();
  await printed(demo.stdout, text);
  demo.kill("SIGKILL");
  expect((await ended(demo)).exit).toBe("SIGKILL");
});

test("a demo ends when nobody watches it any more", async () => {
  const demo = start();
  await printed(demo.stdout, "starting");
  demo.stdout.destroy();
  expect(await ended(demo)).toEqual({ exit: 0, stderr: "" });
});

test.runIf(hasTerminals)("on a terminal the keys are explained, work, and end it", async () => {
  const child = spawnOnTerminal(`"${process.execPath}" "${main}"`);
  running.add(child);
  await printed(child.stdout, "q    quit, like Ctrl-C");
  child.stdin.write("2");
  await printed(child.stdout, "pong-right  the keys now act on this session");
  child.stdin.write("\u0003");
  await printed(child.stdout, "ending: stopping every process");
  expect(await once(child.stdout.resume(), "end")).toEqual([]);
  if (child.exitCode === null) await once(child, "exit");
  expect(child.exitCode).toBe(0);
});
