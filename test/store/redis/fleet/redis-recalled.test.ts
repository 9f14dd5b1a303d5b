import { afterAll, beforeAll, describe, test } from "vitest";
import type { Acquire, Command } from "../../../../src/core/command.ts";
import type { SessionId, TokenHash } from "../../../../src/core/ids.ts";
import { startTcpProxy } from "../../../support/network/tcp-proxy.ts";
import {
  freePort,
  hasRedis,
  type RedisServer,
  startRedis,
} from "../../../support/redis/redis-server.ts";
import {
  accepted,
  type RedisServiceUnderTest,
  redisService,
} from "../../../support/redis/redis-service.ts";
import { acquireCommand } from "../../../support/service/commands.ts";
import { attach } from "../../../support/service/session-service.ts";

const inTime = { timeout: 15_000 };
const policy = { leaseTtlMs: 2_000, leaseTtlMsMin: 2_000 };

describe.skipIf(!hasRedis)("Held: a process that remembers a lease as it was", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  /** What each asks of a lease that it would refuse, or think new, by what it remembers. */
  const asks: readonly {
    readonly name: string;
    readonly of: (tokenHash: TokenHash, acquire: Acquire) => Command;
  }[] = [
    { name: "CheckLease", of: (tokenHash) => ({ kind: "CheckLease", tokenHash }) },
    {
      name: "Renew",
      of: (tokenHash) => ({ kind: "Renew", tokenHash, ttlMs: undefined, leaseOnly: false }),
    },
    { name: "Acquire", of: (_, acquire) => acquire },
    { name: "Release", of: (tokenHash) => ({ kind: "Release", tokenHash }) },
  ];

  test.concurrent.for(asks)(
    "that another renewed, of which nobody is told: $name finds it live",
    async (ask, { expect }) => {
      const id = `session of ${ask.name}`;
      await using remembering = await redisService(server.url, { policy });
      await using renewing = await redisService(server.url, { policy });
      await accepted(remembering, id, attach);
      const granted = await accepted(remembering, id, acquireCommand(remembering.service));
      const { lease } = granted.answer;
      const [tokenHash] = lease.tokenHashes as readonly [TokenHash];
      await accepted(renewing, id, { kind: "Renew", tokenHash, ttlMs: 60_000, leaseOnly: true });
      await expect.poll(() => remembering.clock.now(), inTime).toBeGreaterThan(lease.expiresAt);
      expect(rememberedExpiry(remembering, id)).toBe(lease.expiresAt);

      const command = ask.of(tokenHash, acquireCommand(remembering.service));
      const { session, answer } = await accepted(remembering, id, command);
      if (ask.name === "Release") {
        expect(answer).toMatchObject({ released: true });
      } else {
        expect(session.leases.live).toMatchObject([{ id: lease.id, epoch: lease.epoch }]);
        expect(session.leases.live[0]?.expiresAt).toBeGreaterThan(lease.expiresAt + 10_000);
      }
      expect(endedIn(remembering)).toEqual(ask.name === "Release" ? ["released"] : []);
    },
  );

  test("that is missing, since the notice of its grant was lost: it is live all the same", async ({
    expect,
  }) => {
    const id = "session";
    await using way = await startTcpProxy(server.port);
    await using remembering = await redisService(`redis://127.0.0.1:${way.port}`);
    await using granting = await redisService(server.url);
    await accepted(remembering, id, attach);
    way.pointTo(await freePort());
    way.cut();
    const { answer } = await accepted(granting, id, acquireCommand(granting.service));
    const [tokenHash] = answer.lease.tokenHashes as readonly [TokenHash];
    way.pointTo(server.port);
    const check = { kind: "CheckLease", tokenHash } as const;
    await expect
      .poll(async () => (await remembering.service.execute(id, check)).kind, inTime)
      .toBe("accepted");
    const refusals = remembering.seen.filter((event) => event.kind === "refused");
    expect(new Set(refusals.map(({ reason }) => reason))).not.toContain("LEASE_NOT_LIVE");
  });
});

function rememberedExpiry({ store }: RedisServiceUnderTest, id: SessionId): number | undefined {
  return store.recall(id)?.leases.live[0]?.expiresAt;
}

function endedIn({ seen }: RedisServiceUnderTest): readonly string[] {
  return seen.flatMap((event) =>
    event.kind === "happened" && event.event.kind === "LeaseEnded" ? [event.event.endedBy] : [],
  );
}
