import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { describe, expect, test } from "vitest";

import { readEnv } from "../../src/settings/read-env.ts";
import { hasRedis } from "../support/redis/redis-server.ts";

const main = join(import.meta.dirname, "../../src/demo/main.ts");

/** The demo, in a process group of its own as a terminal gives it one. */
interface RunningDemo extends AsyncDisposable {
  readonly lines: readonly string[];
  /** Resolves with the first line, after so many, that has these words. */
  says(words: RegExp, from?: number): Promise<string>;
  /** As Ctrl-C does: to all processes of the group at once. */
  interrupt(): void;
  readonly exited: Promise<{ readonly code: number | null; readonly stderr: string }>;
}

describe("npm run demo -- --replicas", () => {
  test("says how to get Redis where it is missing, and exits with 1", async () => {
    await using demo = startDemo(["--replicas", "2"], { PATH: "/nowhere" });
    const { code, stderr } = await demo.exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(/no redis-server on PATH.*apt-get install redis-server/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test.each([
    [["--replicas", "many"], "--replicas"],
    [["--replicas", "10"], "--replicas"],
    [["--kill", "replica"], "--replicas"],
  ])("refuses %j by name, and ends with 64", async (args, named) => {
    await using demo = startDemo(args);
    const { code, stderr } = await demo.exited;
    expect(code).toBe(64);
    expect(stderr).toContain(named);
  });

  test.skipIf(!hasRedis)("plays on when a replica is killed, and ends whole", async () => {
    await using demo = startDemo(["--replicas", "2", "--kill", "replica"]);
    const introduced = [/^redis: /, /^replica 1: /, /^replica 2: /].map((words) =>
      demo.says(words),
    );
    const ports = (await Promise.all(introduced)).flatMap(portsIn);
    expect(ports).toHaveLength(7);
    await Promise.all(["pong-left", "pong-right"].map((id) => demo.says(onFastPath(id))));
    const from = demo.lines.length;
    await demo.says(/replica 1 is away/);
    await demo.says(/replica 1 \d+ calls/, demo.lines.length);
    await demo.says(onFastPath("pong-left"), demo.lines.length);
    const played = demo.lines.slice(from).join("\n");
    expect(played).not.toMatch(/ HTTP|fast path, \w+ +2 /);

    demo.interrupt();
    expect(await demo.exited).toEqual({ code: 0, stderr: "" });
    for (const port of ports) expect(await takesConnections(port)).toBe(false);
  });
});

function startDemo(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningDemo {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...readEnv(), ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface(child.stdout).on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  let stderr = "";
  child.stderr.on("data", (text) => {
    stderr += String(text);
  });
  const exited = once(child, "close").then(([code]) => ({ code: code as number | null, stderr }));
  return {
    lines,
    says: (words, from = 0) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = lines.slice(from).find((line) => words.test(line));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    interrupt: () => interrupt(child),
    exited,
    async [Symbol.asyncDispose]() {
      interrupt(child);
      await exited;
    },
  };
}

function interrupt({ pid, exitCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null) process.kill(-pid, "SIGINT");
}

/** On its first one. */
function onFastPath(sessionId: string): RegExp {
  return new RegExp(`${sessionId} +fast path, \\w+ +1 `);
}

function portsIn(line: string): readonly number[] {
  return [...line.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
}

function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}
