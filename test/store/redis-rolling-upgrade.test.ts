import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { HandshakeKind } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { keysOf } from "../../src/store/redis/records/redis-keys.ts";
import { runService, verdictsOf } from "../support/process/run-service.ts";
import { hasRedis, type RedisServer, startRedis } from "../support/redis/redis-server.ts";
import { leftInRedis } from "./records/redis-of-version-2.ts";

const { sessions, tokenKey, commands } = leftInRedis;

describe.skipIf(!hasRedis)("in a Redis that processes of two versions share,", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await server.command("FLUSHALL");
    for (const command of commands) await server.command(...command);
  });

  const serve = () =>
    runService({ env: { LEASE_STORE_URL: server.url, LEASE_TOKEN_KEY: tokenKey } });

  const recordOf = async (id: string): Promise<unknown[]> => {
    const text = await server.command("HGET", keysOf(id).session(id), "record");
    return JSON.parse(String(text)) as unknown[];
  };

  test.each(Object.entries(sessions).filter(([, { liveLeases }]) => liveLeases > 0))(
    "what the version before had answered holds: %s",
    async (sessionId, received) => {
      await using service = await serve();
      const renewed = await service.lease.renew({ sessionId, controllerToken: received.token });
      const { transport, offer } = renewed;
      expect(transport?.liveLeases).toBe(received.liveLeases);
      expect(transport?.handshakeId).toBe(received.handshakeId);
      expect(Number(transport?.generation)).toBe(received.generation);
      expect(Number(transport?.version)).toBeGreaterThanOrEqual(received.version);
      if (received.inFlight !== "") {
        const negotiated = transport?.negotiation?.handshakeId ?? offer?.handshakeId;
        expect(negotiated).toBe(received.inFlight);
      }
      expect(verdictsOf(service)).toEqual([]);
      // Such a process may be the next to serve it.
      expect((await recordOf(sessionId))[0]).toBe(2);
    },
  );

  test("a renewal keeps the fields of the next version", async () => {
    const sessionId = "on-its-fast-path";
    const [, kind, ...rest] = await recordOf(sessionId);
    const added = { addedLater: ["of", { the: "next version" }] };
    const later = JSON.stringify([3, kind, added, ...rest]);
    await server.command("HSET", keysOf(sessionId).session(sessionId), "record", later);

    await using service = await serve();
    const controllerToken = sessions[sessionId]?.token ?? "";
    const { handshakeKind } = await service.lease.renew({ sessionId, controllerToken });
    expect(handshakeKind).toBe(HandshakeKind.REFRESH);
    const record = await recordOf(sessionId);
    expect(record.slice(0, 3)).toEqual([3, kind, added]);
    expect(JSON.stringify(record)).not.toBe(later);
  });
});
