import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type FakeRoad, startFakeRoad } from "../../src/demo/road/fake-road.ts";
import {
  AcquireResponseSchema,
  HandshakeKind,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { TransportEnd } from "../../src/gen/beach/controller/v1/transport_pb.js";
import { oldClient } from "../legacy/old-client.ts";
import {
  type RunningService,
  type RunOptions,
  runService,
} from "../support/process/run-service.ts";
import { patient } from "../support/runs/patient.ts";
import { manualClock, settle } from "../support/service/manual-clock.ts";
import { sequentialIds } from "../support/service/sequential-ids.ts";

const startsAt = Date.parse("2026-01-02T03:04:05.000Z");
const tokenKey = "the key of the golden answers, not a secret";
const secret = "a secret for publish tokens, for tests only";
const beach = "beach-1";
const passcode = "123456";
const sessionId = "s1";

let road: FakeRoad;

beforeEach(async () => {
  road = await startFakeRoad();
  road.register(sessionId, passcode);
});

afterEach(async () => {
  await road[Symbol.asyncDispose]();
});

function run({ env, ...options }: RunOptions = {}): Promise<RunningService> {
  return runService({
    ids: sequentialIds(),
    ...options,
    env: { LEASE_TOKEN_KEY: tokenKey, LEASE_ROAD_URL: road.url, ...env },
  });
}

function outcomesIn({ log }: RunningService): readonly unknown[] {
  return log.filter(({ msg }) => msg === "handshake sent").map(({ outcome }) => outcome);
}

async function delivered(service: RunningService): Promise<void> {
  await vi.waitUntil(() => service.log.some(({ msg }) => msg === "handshake delivered"), patient);
}

const asked = { sessionId, privateBeachId: beach, passcode, reason: "tile" };

describe("a handshake whose host does not watch", () => {
  test("is sent to the letter as Beach Manager sent it, once", async () => {
    const clock = manualClock(startsAt);
    await using service = await run({
      clock,
      env: { LEASE_PUBLISH_TOKEN_SECRET: secret },
    });
    const { offer, controllerToken } = await service.lease.acquire(asked);
    expect(offer?.deliveredByServer).toBe(true);
    const handshakeId = offer?.handshakeId;
    const [message] = await road.enqueued(sessionId, 1);
    expect(message).toEqual({
      kind: "manager_handshake",
      control_id: handshakeId,
      payload: {
        private_beach_id: beach,
        manager_url: "http://127.0.0.1:8080",
        controller_token: controllerToken,
        lease_expires_at_ms: startsAt + 30_000,
        stale_session_idle_secs: 60,
        viewer_health_interval_secs: 15,
        controller_auto_attach: {
          private_beach_id: beach,
          attach_code: passcode,
          manager_url: "http://127.0.0.1:8080",
          issued_at: "2026-01-02T03:04:05.000Z",
          expires_at: "2026-01-02T03:04:20.000Z",
          handshake_id: handshakeId,
        },
        handshake_control_id: handshakeId,
        idlePublishToken: {
          token: expect.any(String),
          expires_at_ms: startsAt + 30 * 60_000,
          scopes: ["pb:sessions.write", "pb:harness.publish"],
        },
      },
    });
    expectSigned(message?.payload.idlePublishToken);
    await delivered(service);
    await clock.advance(14_000);
    expect(road.calls.control).toBe(1);
  });

  test("carries no publish token where there is no secret", async () => {
    await using service = await run();
    await service.lease.acquire(asked);
    const [message] = await road.enqueued(sessionId, 1);
    expect(message?.payload).not.toHaveProperty("idlePublishToken");
  });

  test("carries no passcode where this process has none", async () => {
    await using service = await run();
    await service.registry.attachSession({ sessionId, privateBeachId: beach });
    const { offer } = await service.lease.acquire({ sessionId });
    const [message] = await road.enqueued(sessionId, 1);
    expect(message?.payload.controller_auto_attach).toMatchObject({
      handshake_id: offer?.handshakeId,
    });
    expect(message?.payload.controller_auto_attach).not.toHaveProperty("attach_code");
  });

  test("is sent again under the same id until Road takes it", async () => {
    const clock = manualClock(startsAt);
    await using service = await run({ clock });
    await service.registry.attachSession({ sessionId, privateBeachId: beach });
    road.behave({ status: 500 });
    await service.lease.acquire(asked);
    await vi.waitUntil(() => outcomesIn(service).length === 1, patient);
    road.behave({ losesAnswers: true });
    await clock.advance(1_200);
    await vi.waitUntil(() => outcomesIn(service).length === 2, patient);
    road.behave({});
    await clock.advance(2_400);
    await delivered(service);
    expect(outcomesIn(service)).toEqual(["unavailable", "unavailable", "taken"]);
    const ids = road.queueOf(sessionId).map(({ control_id }) => control_id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  test("is sent by the next process where this one could not", async () => {
    const clock = manualClock(startsAt);
    const folder = await mkdtemp(join(tmpdir(), "road-"));
    const store = { path: join(folder, "lease.db") };
    road.behave({ status: 500 });
    let sent: string | undefined;
    {
      await using first = await run({ clock, store });
      await first.registry.attachSession({ sessionId, privateBeachId: beach });
      sent = (await first.lease.acquire({ sessionId })).offer?.handshakeId;
      await vi.waitUntil(() => outcomesIn(first).length === 1, patient);
    }
    road.behave({});
    await using second = await run({ clock, store });
    await clock.advance(2_000);
    const [message] = await road.enqueued(sessionId, 1);
    expect(message?.control_id).toBe(sent);
    await delivered(second);
    await rm(folder, { recursive: true });
  });

  test("is not sent after it has ended", async () => {
    const clock = manualClock(startsAt);
    await using service = await run({ clock });
    await service.registry.attachSession({ sessionId, privateBeachId: beach });
    road.behave({ status: 500 });
    await service.lease.acquire(asked);
    await clock.advance(16_000);
    await settle();
    const calls = road.calls.control;
    road.behave({});
    await clock.advance(10_000);
    await settle();
    expect(road.calls.control).toBe(calls);
    expect(road.queueOf(sessionId)).toEqual([]);
  });

  test("is reported as unknown where Road does not know the session", async () => {
    await using service = await run();
    await service.registry.attachSession({ sessionId: "s2", privateBeachId: beach });
    await service.lease.acquire({ sessionId: "s2" });
    await vi.waitUntil(() => outcomesIn(service).length > 0, patient);
    expect(outcomesIn(service)[0]).toBe("unknown_session");
    const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
    expect(metrics).toContain('lease_handshake_deliveries_total{outcome="unknown_session"} 1');
    expect(metrics).toContain('lease_road_calls_total{call="control",outcome="answered"} 1');
  });
});

test("an old reply carries the publish token too, and an offer never does", async () => {
  const clock = manualClock(startsAt);
  await using service = await run({ clock, env: { LEASE_PUBLISH_TOKEN_SECRET: secret } });
  const call = oldClient(service);
  const ask = { passcode, requester_private_beach_id: beach };
  const { body: reply } = await call("POST", `/sessions/${sessionId}/controller-handshake`, ask);
  const { controller_token } = reply as { controller_token: string };
  const renewal = await call("POST", `/sessions/${sessionId}/controller-handshake/renew`, {
    controller_token,
  });
  for (const body of [reply, renewal.body]) {
    const { idle_publish_token: publishToken } = body as { idle_publish_token: object };
    expect(Object.keys(publishToken)).toEqual(["token", "expires_at_ms", "scopes"]);
    expect(publishToken).toMatchObject({
      expires_at_ms: startsAt + 30 * 60_000,
      scopes: ["pb:sessions.write", "pb:harness.publish"],
    });
    expectSigned(publishToken);
  }
  const answer = await service.lease.acquire(asked);
  expect(toJsonString(AcquireResponseSchema, answer)).not.toMatch(/publish/i);
  expect(JSON.stringify(service.log)).not.toContain(
    (reply as { idle_publish_token: { token: string } }).idle_publish_token.token,
  );
});

test("a host that watches is sent nothing", async () => {
  await using service = await run();
  await service.registry.attachSession({ sessionId, privateBeachId: beach });
  const stop = new AbortController();
  const states = service.lease.watchTransport(
    { sessionIds: [sessionId], reader: TransportEnd.HOST },
    { signal: stop.signal },
  );
  await states[Symbol.asyncIterator]().next();
  const { offer, handshakeKind } = await service.lease.acquire({ sessionId });
  expect(handshakeKind).toBe(HandshakeKind.RENEGOTIATE);
  expect(offer?.deliveredByServer).toBe(true);
  expect(road.calls.control).toBe(0);
  stop.abort();
});

test("without Road nothing is sent, and the offer says so", async () => {
  await using service = await run({ env: { LEASE_ROAD_URL: "" } });
  await service.registry.attachSession({ sessionId, privateBeachId: beach });
  const { offer } = await service.lease.acquire({ sessionId });
  expect(offer?.deliveredByServer).toBe(false);
  expect(outcomesIn(service)).toEqual([]);
});

/** HS256 by the secret, for this session. */
function expectSigned(publishToken: unknown): void {
  const { token } = publishToken as { token: string };
  const [header, claims, signature] = token.split(".");
  const signed = createHmac("sha256", secret).update(`${header}.${claims}`).digest("base64url");
  expect(signature).toBe(signed);
  expect(JSON.parse(Buffer.from(claims ?? "", "base64url").toString())).toMatchObject({
    sid: sessionId,
    exp: startsAt / 1000 + 30 * 60,
  });
}
