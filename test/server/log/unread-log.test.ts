import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, createReadStream, openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { expect, test, vi } from "vitest";
import { hasTerminals, spawnOnTerminal } from "../../support/process/terminal.ts";
import { freePort } from "../../support/redis/redis-server.ts";
import { storeFolder } from "../../support/store/store-files.ts";

const main = join(import.meta.dirname, "../../../src/main.ts");

/** More than the pipe and what waits for it hold together. */
const callsThatFill = 1_500;

interface Doors {
  readonly env: Readonly<Record<string, string>>;
  http(path: string): string;
  ops(path: string): string;
}

/** The ready line is what nobody reads here, so the addresses have to be known before. */
async function chosenDoors(): Promise<Doors> {
  const [http, ops] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  return {
    env: {
      LEASE_GRPC_LISTEN: "127.0.0.1:0",
      LEASE_HTTP_LISTEN: http,
      LEASE_OPS_LISTEN: ops,
      LEASE_STORE_URL: "memory:",
      LEASE_LOG_LEVEL: "trace",
    },
    http: (path) => `http://${http}${path}`,
    ops: (path) => `http://${ops}${path}`,
  };
}

async function isReady(doors: Doors): Promise<void> {
  const look = async (): Promise<void> =>
    expect((await fetch(doors.ops("/readyz"))).status).toBe(200);
  await vi.waitFor(look, { timeout: 30_000, interval: 50 });
}

/** Has the service log more than anybody takes, and expects every call to be answered. */
async function fillLog(doors: Doors): Promise<void> {
  for (let call = 0; call < callsThatFill; call += 30) {
    const answers = Array.from({ length: 30 }, (_, index) =>
      fetch(doors.http(`/sessions/s${call + index}-${"x".repeat(100)}/controller-handshake`), {
        method: "POST",
        body: JSON.stringify({ passcode: "1", requester_private_beach_id: "b" }),
      }),
    );
    for (const answer of await Promise.all(answers)) {
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
    }
  }
  expect((await fetch(doors.ops("/healthz"))).status).toBe(200);
}

async function ended(child: ChildProcess): Promise<unknown> {
  return child.exitCode ?? child.signalCode ?? (await once(child, "exit"))[0];
}

/** A service whose output is a pipe; `unread` is its other end. */
async function startWithPipe(doors: Doors, folder: string): Promise<Piped> {
  const path = join(folder, "log");
  execFileSync("mkfifo", [path]);
  // For reading and writing, so that neither end waits for the other.
  const unread = openSync(path, "r+");
  const stdout = openSync(path, "w");
  const child = spawn(process.execPath, [main], {
    env: doors.env,
    stdio: ["ignore", stdout, "inherit"],
  });
  closeSync(stdout);
  return {
    child,
    unread,
    [Symbol.dispose]() {
      child.kill("SIGKILL");
      closeSync(unread);
    },
  };
}

interface Piped extends Disposable {
  readonly child: ChildProcess;
  readonly unread: number;
}

test("a log that nobody reads from a pipe holds up neither calls nor the drain", async () => {
  await using folder = await storeFolder();
  const doors = await chosenDoors();
  using service = await startWithPipe(doors, folder.path);
  await isReady(doors);
  await fillLog(doors);
  service.child.kill("SIGTERM");
  expect(await ended(service.child)).toBe(0);
});

test("a log that nobody reads from a socket holds up neither calls nor the drain", async () => {
  const doors = await chosenDoors();
  const child = spawn(process.execPath, [main], {
    env: doors.env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await isReady(doors);
    await fillLog(doors);
    child.kill("SIGTERM");
    const exit = ended(child);
    expect(await exit).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
});

test("a log that is read again says how many lines were dropped, and metrics count them", async () => {
  await using folder = await storeFolder();
  const doors = await chosenDoors();
  using service = await startWithPipe(doors, folder.path);
  await isReady(doors);
  await fillLog(doors);
  const lines: Record<string, unknown>[] = [];
  const stream = createReadStream("", { fd: service.unread, autoClose: false });
  createInterface(stream).on("line", (line) => lines.push(JSON.parse(line)));
  await vi.waitFor(
    () => {
      const received = lines.filter(({ msg }) => String(msg).startsWith("log lines were dropped"));
      expect(received).toMatchObject([{ level: "warn", lines: expect.any(Number) }]);
    },
    { timeout: 20_000 },
  );
  const dropped = lines.find(({ msg }) => String(msg).startsWith("log lines were dropped"))?.lines;
  const metrics = await (await fetch(doors.ops("/metrics"))).text();
  expect(metrics).toContain(`lease_log_lines_dropped_total ${dropped}\n`);
  service.child.kill("SIGTERM");
  expect(await ended(service.child)).toBe(0);
  await vi.waitFor(() => expect(lines.at(-1)).toMatchObject({ msg: "drained" }), {
    timeout: 10_000,
  });
  stream.destroy();
});

test.runIf(hasTerminals)(
  "a terminal that is paused holds up neither calls nor the drain",
  async () => {
    const doors = await chosenDoors();
    const child = spawnOnTerminal(`"${process.execPath}" "${main}"`, doors.env);
    try {
      await isReady(doors);
      // Ctrl-S: the terminal takes nothing more.
      child.stdin.write("\u0013");
      child.stdout.resume();
      await fillLog(doors);
      await fetch(doors.ops("/drain"), { method: "POST" });
      const gone = async (): Promise<void> => {
        await expect(fetch(doors.ops("/healthz"))).rejects.toThrow();
      };
      await vi.waitFor(gone, { timeout: 20_000, interval: 100 });
      expect(await ended(child)).toBe(0);
    } finally {
      child.kill("SIGKILL");
    }
  },
);
