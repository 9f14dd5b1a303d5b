import { describe, expect, test } from "vitest";
import { currentOf, nextOf } from "../../../../src/core/view.ts";
import { hasRedis, startRedis } from "../../../support/redis/redis-server.ts";
import { accepted, redisService } from "../../../support/redis/redis-service.ts";
import { readyReport } from "../../../support/service/commands.ts";
import { attach } from "../../../support/service/session-service.ts";

const id = "session";

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
    const promoted = await accepted(process, id, readyReport(handshakeId, 1));
    expect(currentOf(promoted.session.transport.path)?.health).toBe("healthy");

    await accepted(process, id, readyReport(handshakeId, 4));
    expect(await process.store.load(id)).toEqual(promoted.session);

    const late = await accepted(process, id, {
      ...readyReport(handshakeId, 3),
      oldestUnackedMs: 16_000,
    });
    expect(currentOf(late.session.transport.path)?.health).toBe("healthy");

    const last = await accepted(process, id, {
      ...readyReport(handshakeId, 5),
      oldestUnackedMs: 16_000,
    });
    expect(currentOf(last.session.transport.path)?.health).toBe("lost");
    expect(last.session.transport.reporters).toMatchObject([{ sequence: 5 }]);
  });
});
