import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { type Env, runService } from "../../support/process/run-service.ts";
import { hasTerminals, spawnOnTerminal } from "../../support/process/terminal.ts";
import { storeFolder } from "../../support/store/store-files.ts";

const main = join(import.meta.dirname, "../../../src/main.ts");

test("a reader of the output that leaves takes nothing with it", async () => {
  const ops = await freeAddress();
  const child = start(ops, "pipe");
  child.stdout?.destroy();
  await servesAndDrains(child, ops);
});

test.runIf(existsSync("/dev/full"))(
  "a full disk under the output takes nothing with it",
  async () => {
    const ops = await freeAddress();
    const full = openSync("/dev/full", "w");
    const child = start(ops, full);
    closeSync(full);
    await servesAndDrains(child, ops);
  },
);

test.runIf(hasTerminals)("a terminal sees colours, unless NO_COLOR is set", async () => {
  expect(await shownOnTerminal({})).toMatch(coloured);
  expect(await shownOnTerminal({ NO_COLOR: "1" })).not.toMatch(coloured);
});

test.runIf(hasTerminals)("a log that leaves the terminal has no colours", async () => {
  await using folder = await storeFolder();
  const file = join(folder.path, "log");
  await shownOnTerminal({}, `2>${file}`);
  const log = await readFile(file, "utf8");
  expect(log).toContain("recovered");
  expect(log).not.toMatch(coloured);
});

const coloured = new RegExp(`${String.fromCharCode(27)}\\[`);

/** What a terminal shows of a service that finds its port taken, and so ends by itself. */
async function shownOnTerminal(env: Env, redirection = ""): Promise<string> {
  await using other = await runService();
  const command = `"${process.execPath}" "${main}" ${redirection}`;
  const child = spawnOnTerminal(command, {
    LEASE_STORE_URL: "memory:",
    LEASE_GRPC_LISTEN: other.addresses.grpc,
    ...env,
  });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    shown += text;
  });
  await once(child, "close");
  return shown;
}

/** Its ready line is what gets lost here, so the address has to be known before. */
async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

function start(ops: string, stdout: "pipe" | number): ChildProcess {
  const free = "127.0.0.1:0";
  return spawn(process.execPath, [main], {
    env: {
      LEASE_GRPC_LISTEN: free,
      LEASE_HTTP_LISTEN: free,
      LEASE_OPS_LISTEN: ops,
      LEASE_STORE_URL: "memory:",
    },
    stdio: ["ignore", stdout, "inherit"],
  });
}

async function servesAndDrains(child: ChildProcess, ops: string): Promise<void> {
  const ended = once(child, "exit");
  try {
    await vi.waitFor(
      async () => {
        if (child.exitCode !== null) return;
        expect((await fetch(`http://${ops}/readyz`)).status).toBe(200);
      },
      { timeout: 30_000, interval: 50 },
    );
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
}
