import { describe, expect, test } from "vitest";

import type { Acquire, Renew } from "../../src/core/command.ts";
import type { SessionId } from "../../src/core/ids.ts";
import type { Outcome, Permit } from "../../src/service/lease-service.ts";
import type { SessionService } from "../../src/service/session-service.ts";
import { hasRedis, startRedis } from "../support/redis/redis-server.ts";
import { redisService } from "../support/redis/redis-service.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../support/service/session-service.ts";
import { storeFolder } from "../support/store/store-files.ts";

const anybody: Permit = () => undefined;

function renewNow(
  { service }: Pick<ServiceUnderTest, "service">,
  id: SessionId,
  command: Renew,
  permit: Permit,
): Outcome<Renew> | undefined {
  using turn = service.renewalTurn(permit);
  return turn.renew(id, command);
}

/** A session with a lease, and the renewal of it. */
async function held({ service }: { readonly service: SessionService }): Promise<Renew> {
  const id = service.nextLeaseId();
  const acquire: Acquire = {
    kind: "Acquire",
    account: "",
    reason: "tile",
    ttlMs: 30_000,
    nextLeaseId: id,
    tokenHashesOf: (leaseId) => service.tokens.hashesOf(leaseId),
    attach,
  };
  await service.execute("s1", acquire);
  const [tokenHash] = service.tokens.hashesOf(id);
  return { kind: "Renew", tokenHash, ttlMs: undefined, leaseOnly: true };
}

describe("a renewal that needs no waiting", () => {
  test("is answered and shown in the same turn", async () => {
    await using folder = await storeFolder();
    await using store = await folder.open();
    await using under = await serviceUnderTest({ store });
    const renew = await held(under);
    const before = store.peek("s1");
    await under.clock.advance(1_000);
    const outcome = renewNow(under, "s1", renew, anybody);
    expect(outcome).toMatchObject({ kind: "accepted", answer: { lease: { reason: "tile" } } });
    expect(store.peek("s1")).toMatchObject({ record: outcome?.session });
    expect(store.peek("s1")).not.toEqual(before);
    expect(under.seen.at(-1)).toMatchObject({
      kind: "refreshed",
      renewals: [{ session: { id: "s1" }, event: { kind: "LeaseExtended", plain: true } }],
    });
  });

  test("is refused there too, and the caller learns nothing of another's session", async () => {
    await using under = await serviceUnderTest();
    const renew = await held(under);
    const unknown: Renew = { ...renew, tokenHash: under.service.tokens.hash("another") };
    expect(renewNow(under, "s1", unknown, anybody)).toMatchObject({
      kind: "refused",
      refusal: { reason: "LEASE_NOT_LIVE", endedBy: "unknown" },
    });
    const refusal = { reason: "SESSION_UNKNOWN" } as const;
    expect(renewNow(under, "s1", renew, () => refusal)).toEqual({
      kind: "refused",
      session: undefined,
      refusal,
    });
  });
});

describe("a renewal is waited for, and nothing has happened before,", () => {
  test("while something else is done to the session", async () => {
    await using under = await serviceUnderTest();
    const renew = await held(under);
    const working = under.service.execute("s1", { kind: "PassTime" });
    expect(renewNow(under, "s1", renew, anybody)).toBeUndefined();
    await working;
  });

  test("when it has to be on disk before it is answered", async () => {
    await using folder = await storeFolder();
    await using store = await folder.open();
    await using under = await serviceUnderTest({ store });
    const renew = await held(under);
    const before = store.peek("s1");
    const longer: Renew = { ...renew, ttlMs: 60_000 };
    expect(renewNow(under, "s1", longer, anybody)).toBeUndefined();
    expect(store.peek("s1")).toEqual(before);
    expect(await under.service.execute("s1", longer)).toMatchObject({ kind: "accepted" });
  });

  test("after the process stood still, until that is on record", async () => {
    await using under = await serviceUnderTest();
    const renew = await held(under);
    const waking = under.clock.jump(5_000);
    expect(renewNow(under, "s1", renew, anybody)).toBeUndefined();
    await waking;
    await under.service.execute("s1", renew);
    expect(renewNow(under, "s1", renew, anybody)).toMatchObject({ kind: "accepted" });
  });

  test.skipIf(!hasRedis)("where the store is shared", async () => {
    await using redis = await startRedis();
    await using under = await redisService(redis.url);
    const renew = await held(under);
    expect(renewNow(under, "s1", renew, anybody)).toBeUndefined();
    expect(await under.service.execute("s1", renew)).toMatchObject({ kind: "accepted" });
  });
});
