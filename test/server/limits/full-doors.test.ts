import { once } from "node:events";
import { connect, Socket } from "node:net";

import { expect, test } from "vitest";

import { connectionShares } from "../../../src/server/connections/connection-shares.ts";
import { Crowd } from "../../../src/server/connections/crowd.ts";
import { type SpawnedService, spawnService } from "../../support/process/run-service.ts";

async function connectMany(address: string, count: number): Promise<Disposable> {
  const [host, port] = address.split(":");
  const sockets = Array.from({ length: count }, (): Socket => {
    const socket = connect(Number(port), host);
    socket.on("error", () => undefined);
    return socket;
  });
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  return {
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function lost(service: SpawnedService, door: string): Promise<number> {
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  const line = new RegExp(
    `lease_connections_lost_total\\{door="${door}",cause="door_full"\\} (\\d+)`,
  );
  return Number(line.exec(metrics)?.[1] ?? 0);
}

test("silent connections that fill one door leave the others theirs, and are logged", async () => {
  await using service = await spawnService({}, { openFilesMax: 120 });
  const doors = [
    ["public", service.addresses.http],
    ["internal", service.addresses.grpc],
  ] as const;
  for (const [door, address] of doors) {
    using _silent = await connectMany(address, 200);
    for (let probe = 0; probe < 5; probe += 1) {
      expect((await fetch(service.opsUrl("/healthz"))).status).toBe(200);
    }
    // Connections are accepted, and dropped, after the caller has its side of them.
    await expect.poll(() => lost(service, door), { timeout: 20_000 }).toBeGreaterThan(100);
    const lines = service.stdout.filter((line) => line.includes(`"door":"${door}"`));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: "warn", msg: "connection ended by the service", cause: "door_full" },
    ]);
  }
  using _silent = await connectMany(service.addresses.http, 200);
  using _more = await connectMany(service.addresses.ops, 100);
  const asked = { sessionId: "s1", privateBeachId: "b", passcode: "1" };
  expect((await service.lease.acquire(asked)).controllerToken).not.toBe("");
});

test("silent connections that fill the ops door do not block others", async () => {
  await using service = await spawnService({}, { openFilesMax: 120 });
  using _silent = await connectMany(service.addresses.ops, 100);
  for (let probe = 0; probe < 20; probe += 1) {
    const asked = await fetch(service.opsUrl("/healthz"), { headers: { connection: "close" } });
    expect(asked.status).toBe(200);
  }
  expect(await lost(service, "ops")).toBeGreaterThan(80);
});

test("where a door is full, connections with a request under way stay and idle ones give way", () => {
  const dropped: Socket[] = [];
  const sockets = Array.from({ length: 6 }, () => {
    const socket = new Socket();
    socket.destroy = () => {
      dropped.push(socket);
      return socket;
    };
    return socket;
  });
  const [busy, idle, silent, late, later, last] = sockets as [
    Socket,
    Socket,
    Socket,
    Socket,
    Socket,
    Socket,
  ];
  const crowd = new Crowd({ connectionsMax: 3, onDropped: () => undefined });
  for (const one of [busy, idle, silent]) expect(crowd.admit(one)).toBe(true);
  crowd.begin(busy);
  crowd.begin(idle);
  crowd.rest(idle);
  expect(crowd.admit(late)).toBe(true);
  expect(dropped).toEqual([silent]);
  crowd.begin(late);
  expect(crowd.admit(later)).toBe(true);
  expect(dropped).toEqual([silent, idle]);
  crowd.begin(later);
  expect(crowd.admit(last)).toBe(false);
  expect(dropped).toEqual([silent, idle, last]);
});

test.each([64, 120, 256, 1024, 20_000, 1_048_576, Number.POSITIVE_INFINITY])(
  "doors of a process that may open %d files share them, and leave some for the rest",
  (files) => {
    const shares = connectionShares(files);
    const all = shares.internal + shares.public + shares.ops;
    expect(Math.min(...Object.values(shares))).toBeGreaterThan(0);
    expect(all).toBeLessThanOrEqual(files - 40);
  },
);
