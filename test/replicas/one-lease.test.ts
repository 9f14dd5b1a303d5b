import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { HandshakeKind } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { TransportPath } from "../../src/gen/beach/controller/v1/transport_pb.js";
import { beach, leased, live, sessionOf } from "../api/conformance/conformance-subject.ts";
import { refusalOf } from "../api/expect-refusal.ts";
import { type Replicas, startReplicas } from "../support/process/replicas.ts";
import type { SpawnedService } from "../support/process/run-service.ts";
import { hasRedis } from "../support/redis/redis-server.ts";
import { patient } from "../support/runs/patient.ts";

describe.skipIf(!hasRedis)("two replicas on one Redis", () => {
  let replicas: Replicas;
  let one: SpawnedService;
  let other: SpawnedService;

  beforeAll(async () => {
    replicas = await startReplicas(2);
    one = replicas.at(0);
    other = replicas.at(1);
  });
  afterAll(() => replicas[Symbol.asyncDispose]());

  test("renew on one a lease acquired on the other, with the same token", async () => {
    const held = await live({ internal: one });
    const named = { sessionId: sessionOf(held), controllerToken: held.controllerToken };
    const renewed = await other.lease.renew({ ...named, ttl: { seconds: 60n } });
    expect(renewed.handshakeKind).toBe(HandshakeKind.REFRESH);
    expect(renewed.lease).toMatchObject({ leaseId: held.lease?.leaseId, epoch: held.lease?.epoch });
    expect(renewed.transport).toMatchObject({ path: TransportPath.FAST_PATH });

    const checked = await one.registry.checkLease(named);
    expect(checked.lease?.expiresAt?.seconds).toBeGreaterThanOrEqual(
      (held.lease?.expiresAt?.seconds ?? 0n) + 29n,
    );
  });

  test("answer a second Acquire with the same token and lease", async () => {
    const held = await leased({ internal: one });
    const again = await other.lease.acquire({
      sessionId: sessionOf(held),
      reason: held.lease?.reason ?? "",
    });
    expect(again.controllerToken).toBe(held.controllerToken);
    expect(again.lease?.leaseId).toBe(held.lease?.leaseId);
    expect(again).toMatchObject({ joined: true, offer: { handshakeId: held.offer?.handshakeId } });
  });

  test("both refuse a lease that was released on one", async () => {
    const held = await leased({ internal: one });
    const named = { sessionId: sessionOf(held), controllerToken: held.controllerToken };
    expect(await other.lease.release(named)).toMatchObject({ released: true });
    for (const replica of [one, other]) {
      expect(await refusalOf(replica.registry.checkLease(named))).toMatchObject({
        reason: "LEASE_NOT_LIVE",
        metadata: { ended_by: "released" },
      });
    }
    expect(await one.lease.release(named)).toMatchObject({ released: false });
  });

  test("check on one, at once, a lease revoked on the other", async () => {
    for (let round = 0; round < 20; round++) {
      const held = await leased({ internal: one });
      const sessionId = sessionOf(held);
      const named = { sessionId, controllerToken: held.controllerToken };
      // Whoever has just answered for a lease remembers it.
      await one.registry.checkLease(named);
      await other.registry.revokeLeases({ sessionId });
      const revoked = { reason: "LEASE_NOT_LIVE", metadata: { ended_by: "revoked" } };
      expect(await refusalOf(one.registry.checkLease(named))).toMatchObject(revoked);
      expect(await refusalOf(one.lease.renew(named))).toMatchObject(revoked);
      expect(await refusalOf(one.lease.acquire({ sessionId }))).toMatchObject({
        reason: "REVOKED",
      });
    }
  });

  test("one list of sessions and one summary, wherever they are asked", async () => {
    await Promise.all([live({ internal: one }), live({ internal: other })]);
    await leased({ internal: one });
    const listed = await Promise.all(
      [one, other].map(async ({ registry }) => {
        const { sessions } = await registry.listSessions({ privateBeachId: beach, pageSize: 1000 });
        return sessions.map(({ sessionId, leases, transport }) => ({
          sessionId,
          leases: leases.map(({ leaseId, epoch }) => ({ leaseId, epoch })),
          version: transport?.version,
        }));
      }),
    );
    expect(listed[0]?.length).toBeGreaterThanOrEqual(3);
    expect(listed[1]).toEqual(listed[0]);

    for (const privateBeachId of [beach, ""]) {
      const figures = () =>
        Promise.all(
          [one, other].map(({ registry }) => registry.summarizeFleet({ privateBeachId })),
        );
      // Rates are known from the next heartbeats on.
      await vi.waitFor(async () => {
        const [ofOne, ofOther] = await figures();
        expect(ofOther).toEqual(ofOne);
        expect(ofOne?.fastPath).toBeGreaterThanOrEqual(2n);
        expect(ofOne?.renewalsLastMinute).toBeGreaterThanOrEqual(3n);
        expect(ofOne?.renegotiationsLastHour).toBeGreaterThanOrEqual(3n);
      }, patient);
    }
  });
});
