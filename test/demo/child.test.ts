import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";

import { expect, test } from "vitest";

import {
  type HostConfig,
  type ManagerConfig,
  plainManners,
  type TileConfig,
} from "../../src/demo/messages.ts";
import { doorsOf } from "../support/beach-under-test.ts";
import { runService } from "../support/run-service.ts";

type Doors = ReturnType<typeof doorsOf>;

const manager = (doors: Doors): ManagerConfig => ({
  ...doors,
  privateBeachId: "beach-1",
  sessionIds: ["s1"],
  requiredChannels: ["mgr-actions"],
  actionsPerSecond: 30,
  oldRenewals: false,
});

const host = (doors: Doors): HostConfig => ({
  ...doors,
  door: "grpc",
  managerUrl: doors.httpUrl,
  sessionIds: ["s1"],
  negotiation: plainManners,
});

const tile = ({ httpUrl }: Doors): TileConfig => ({ httpUrl, sessionId: "s1", reason: "tile" });

test.each([
  ["manager.ts", (doors: Doors) => [JSON.stringify(manager(doors))]],
  ["host.ts", (doors: Doors) => [JSON.stringify(host(doors))]],
  ["tile.ts", (doors: Doors) => [JSON.stringify(tile(doors))]],
  ["old-tile.ts", ({ httpUrl }: Doors) => [httpUrl, "beach", "1000"]],
])("%s ends without a complaint when its parent left before it was up", async (script, args) => {
  await using service = await runService();
  const path = join(import.meta.dirname, "../../src/demo", script);
  const child = spawn(process.execPath, [path, ...args(doorsOf(service))], {
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
});
