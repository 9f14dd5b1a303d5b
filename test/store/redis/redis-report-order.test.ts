import { describe, expect, test } from "vitest";

import type { Report } from "../../../src/core/command.ts";
import { currentOf, nextOf } from "../../../src/core/view.ts";
import { hasRedis, startRedis } from "../../support/redis/redis-server.ts";
import { accepted, redisService } from "../../support/redis/redis-service.ts";
import { attach } from "../../support/service/session-service.ts";

const id = "session";

function ready(handshakeId: string, sequence: number): Report {
  return {
    kind: "Report",
    end: "manager",
    handshakeId,
    transportId: "peer-1",
    connection: "connected",
    readyChannels: ["mgr-actions", "mgr-acks", "mgr-state"],
    openingChannels: [],
    oldestUnackedMs: 0,
    reporterId: "manager-1",
    sequence,
    observedAgeMs: 0,
    generation: 0,
  };
}

describe.skipIf(!hasRedis)("a report without news", () => {
  test("is not written, and an earlier one is too late all the same", async () => {
    await using server = await startRedis();
    await using process = await redisService(server.url);
    await accepted(process, id, attach);
    const { session: asked } = await accepted(process, id, {
      kind: "Renegotiate",
      tokenHash: undefined,
      reason: "operator",
      observedGeneration: undefined,
    });
    const handshakeId = nextOf(asked.transport.path)?.id ?? "";
    const promoted = await accepted(process, id, ready(handshakeId, 1));
    expect(currentOf(promoted.session.transport.path)?.health).toBe("healthy");

    await accepted(process, id, ready(handshakeId, 4));
    expect(await process.store.load(id)).toEqual(promoted.session);

    const late = await accepted(process, id, {
      ...ready(handshakeId, 3),
      oldestUnackedMs: 16_000,
    });
    expect(currentOf(late.session.transport.path)?.health).toBe("healthy");

    const last = await accepted(process, id, { ...ready(handshakeId, 5), oldestUnackedMs: 16_000 });
    expect(currentOf(last.session.transport.path)?.health).toBe("lost");
    expect(last.session.transport.reporters).toMatchObject([{ sequence: 5 }]);
  });
});
