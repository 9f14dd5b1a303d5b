import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";

import { expect, test } from "vitest";

import { startBeach } from "../../src/demo/beach/beach.ts";
import {
  type HostConfig,
  type ManagerConfig,
  plainManners,
  type TileConfig,
} from "../../src/demo/beach/messages.ts";
import { doorsOf } from "../support/process/beach-under-test.ts";
import { runService } from "../support/process/run-service.ts";

type Doors = ReturnType<typeof doorsOf>;

const manager = (doors: Doors): ManagerConfig => ({
  ...doors,
  privateBeachId: "beach-1",
  sessionIds: ["s1"],
  requiredChannels: ["mgr-actions"],
  actionsPerSecond: 30,
  oldRenewals: false,
  hostReports: true,
});

const host = (doors: Doors): HostConfig => ({
  ...doors,
  door: "grpc",
  managerUrl: doors.httpUrl,
  sessionIds: ["s1"],
  negotiation: plainManners,
  runsGames: false,
});

const tile = ({ httpUrl }: Doors): TileConfig => ({ httpUrl, sessionId: "s1", reason: "tile" });

/** Where nobody listens. */
const nobody: Doors = { grpcUrl: "http://127.0.0.1:1", httpUrl: "http://127.0.0.1:1" };

async function expectToEndByItself(script: string, args: readonly string[]): Promise<void> {
  const path = join(import.meta.dirname, "../../src/demo", script);
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  try {
    const exited = once(child, "exit");
    child.disconnect();
    expect(await text(child.stderr as Readable)).toBe("");
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
}

test.each([
  ["manager/manager.ts", (doors: Doors) => [JSON.stringify(manager(doors))]],
  ["host/host.ts", (doors: Doors) => [JSON.stringify(host(doors))]],
  ["tile/tile.ts", (doors: Doors) => [JSON.stringify(tile(doors))]],
  ["tile/old-tile.ts", ({ httpUrl }: Doors) => [httpUrl, "beach", "1000"]],
])("%s ends without a complaint when its parent left before it was up", async (script, args) => {
  await using service = await runService();
  await expectToEndByItself(script, args(doorsOf(service)));
});

test("a manager that cannot reach the service ends without a complaint with its parent", async () => {
  await expectToEndByItself("manager/manager.ts", [JSON.stringify(manager(nobody))]);
});

test("a beach that cannot reach the service can still be stopped", async () => {
  const ending = new AbortController();
  const beach = startBeach({ ...nobody, hosts: [{ sessionIds: ["s1"] }] }, ending.signal);
  const enough = new Error("enough");
  setImmediate(() => ending.abort(enough));
  await expect(beach).rejects.toBe(enough);
});
