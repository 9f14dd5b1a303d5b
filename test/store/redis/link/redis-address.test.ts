import { networkInterfaces } from "node:os";

import { describe, expect, test } from "vitest";

import { TransportPath } from "../../../../src/gen/beach/controller/v1/transport_pb.js";
import { redisAddress } from "../../../../src/store/redis/link/redis-address.ts";
import { holdFastPath } from "../../../support/callers/held-session.ts";
import { runService } from "../../../support/process/run-service.ts";
import { hasRedis, startRedis } from "../../../support/redis/redis-server.ts";

const hasIPv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === "::1");
if (!hasIPv6) process.stderr.write("skipping tests of IPv6: this machine has no ::1\n");

describe("the URL of a Redis", () => {
  test.each([
    ["redis://h", { database: 0, socket: { host: "h", port: 6379 } }],
    ["redis://[::1]:6380/3", { database: 3, socket: { host: "::1", port: 6380 } }],
    [
      "rediss://lease:p%40ss@[2001:db8::7]/",
      {
        username: "lease",
        password: "p@ss",
        database: 0,
        socket: { host: "2001:db8::7", port: 6379, tls: true },
      },
    ],
    [
      "redis://:only@127.0.0.1:1",
      { password: "only", database: 0, socket: { host: "127.0.0.1", port: 1 } },
    ],
  ])("%s names what it says", (url, named) => {
    expect(redisAddress(url)).toEqual(named);
  });
});

describe.skipIf(!(hasRedis && hasIPv6))("over IPv6", () => {
  test("the service reaches Redis, and is reached on each of its doors", async () => {
    await using server = await startRedis({ bind: "127.0.0.1 ::1" });
    await using service = await runService({
      env: {
        LEASE_STORE_URL: `redis://[::1]:${server.port}`,
        LEASE_TOKEN_KEY: "k".repeat(32),
        LEASE_GRPC_LISTEN: "[::1]:0",
        LEASE_HTTP_LISTEN: "[0:0:0:0:0:0:0:1]:0",
        LEASE_OPS_LISTEN: "[::1]:0",
      },
    });
    for (const address of Object.values(service.addresses)) {
      expect(address).toMatch(/^\[::1\]:\d+$/);
    }
    const held = await holdFastPath(service, "session-1");
    expect((await held.transport()).path).toBe(TransportPath.FAST_PATH);
    expect((await fetch(service.httpUrl("/sessions/x/none"))).status).toBe(404);
    expect((await fetch(service.opsUrl("/readyz"))).status).toBe(200);
  });
});
