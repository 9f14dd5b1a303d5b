import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { ControllerLease } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { TransportEnd } from "../../../../src/gen/beach/controller/v1/transport_pb.js";
import {
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../../src/gen/google/rpc/error_details_pb.js";
import { type SpawnedService, spawnService } from "../../../support/process/run-service.ts";
import {
  hasRedis,
  type RedisServer,
  startRedis,
  until,
} from "../../../support/redis/redis-server.ts";

/** Whatever a process may be asked, while the store under it is away. */
const asked: Readonly<Record<string, (service: SpawnedService) => Promise<unknown>>> = {
  SummarizeFleet: ({ registry }) => registry.summarizeFleet({}),
  "SummarizeFleet of a beach": ({ registry }) => registry.summarizeFleet({ privateBeachId }),
  ListSessions: ({ registry }) => registry.listSessions({}),
  "ListSessions of a beach": ({ registry }) => registry.listSessions({ privateBeachId }),
  AttachSession: ({ registry }) => registry.attachSession({ sessionId: "other", privateBeachId }),
  DetachSession: ({ registry }) => registry.detachSession({ sessionId: "other" }),
  CheckHandshake: ({ registry }) =>
    registry.checkHandshake({ sessionId: "other", handshakeId: "h" }),
  CheckLease: ({ registry }) =>
    registry.checkLease({ sessionId: "other", controllerToken: "token" }),
  RevokeLeases: ({ registry }) => registry.revokeLeases({ sessionId: "other" }),
  Acquire: ({ lease }) => lease.acquire({ sessionId: "other", privateBeachId, passcode: "1" }),
  Renew: ({ lease }) => lease.renew({ sessionId: "other", controllerToken: "token" }),
  Renegotiate: ({ lease }) => lease.renegotiate({ sessionId: "other", controllerToken: "token" }),
  Release: ({ lease }) => lease.release({ sessionId: "other", controllerToken: "token" }),
  "a watch of sessions": ({ lease }) => firstOf(lease.watchTransport({ sessionIds: ["a", "b"] })),
  "a watch of a beach": ({ lease }) => firstOf(lease.watchTransport({ privateBeachId })),
  "a watch through the public door": (service) =>
    firstOf(service.client(ControllerLease, service.connect).watchTransport({ privateBeachId })),
  "ListSessions through the public door": (service) =>
    service.client(FastPathRegistry, service.connect).listSessions({}),
};

const privateBeachId = "beach";

describe.skipIf(!hasRedis)("a process whose Redis is killed", () => {
  test("stays up, and refuses calls that need the store with a time to retry", async () => {
    await using redis = await startRedis({ appendonly: "yes", appendfsync: "always" });
    await using service = await serve(redis);
    await service.lease.acquire({ sessionId: "held", privateBeachId, passcode: "1" });
    await redis.kill();

    const answers = Object.entries(asked).map(async ([name, call]) => {
      const answer = await call(service).then(() => "answered", refusalIn);
      return [name, answer] as const;
    });
    const away = "Unavailable STORE_UNAVAILABLE, retryable";
    expect(Object.fromEntries(await Promise.all(answers))).toEqual(
      Object.fromEntries(Object.keys(asked).map((name) => [name, away])),
    );
    await expectToLive(service);

    await redis.restart();
    await until(() => isAnswered(() => service.registry.summarizeFleet({})), "no summary came");
    expect(await service.registry.summarizeFleet({})).toMatchObject({ sessions: 1n });
  });

  test("answers scrapes with all that it knows by itself", async () => {
    await using redis = await startRedis({ appendonly: "yes", appendfsync: "always" });
    await using service = await serve(redis);
    await service.lease.acquire({ sessionId: "held", privateBeachId, passcode: "1" });
    expect(await scrape(service)).toContain("lease_live_leases 1\n");
    await redis.kill();

    for (let scrapes = 0; scrapes < 3; scrapes += 1) {
      const text = await scrape(service);
      expect(text).toContain('lease_session_events_total{event="LeaseGranted"} 1\n');
      expect(text).toContain("lease_live_leases Nan\n");
      expect(text).toContain('lease_sessions{path="pending"} Nan\n');
      await expectToLive(service);
    }

    await redis.restart();
    await until(
      async () => (await scrape(service)).includes("lease_live_leases 1\n"),
      "the figures of the fleet did not come back",
    );
  });

  test("lists a report and a renewal as refused, each in its batch", async () => {
    await using redis = await startRedis({ appendonly: "yes", appendfsync: "always" });
    await using service = await serve(redis);
    await redis.kill();

    const end = TransportEnd.MANAGER;
    const reports = Array.from({ length: 250 }, (_, index) => ({
      sessionId: `session-${index % 50}`,
      handshakeId: "handshake",
      end,
    }));
    const { verdicts } = await service.registry.reportTransport({ reports });
    expect(new Set(verdicts.map(({ refusal }) => refusal))).toEqual(new Set(["STORE_UNAVAILABLE"]));
    const renewals = reports.map(({ sessionId }) => ({ sessionId, controllerToken: "token" }));
    const kept = await firstOf(service.lease.keepAlive(once({ renewals })));
    expect(new Set(kept?.results.map(({ refusal }) => refusal))).toEqual(
      new Set(["STORE_UNAVAILABLE"]),
    );
    await expectToLive(service);
  });
});

function serve({ url }: RedisServer): Promise<SpawnedService> {
  return spawnService({
    LEASE_STORE_URL: url,
    LEASE_TOKEN_KEY: "0123456789abcdef0123456789abcdef",
  });
}

async function scrape(service: SpawnedService): Promise<string> {
  const answer = await fetch(service.opsUrl("/metrics"));
  expect(answer.status).toBe(200);
  return await answer.text();
}

/** A rejection that nobody waits for ends a process only after the answer that it belongs to. */
async function expectToLive(service: SpawnedService): Promise<void> {
  const exit = await Promise.race([service.exited, fetch(service.opsUrl("/healthz"))]);
  expect(exit, service.stdout.at(-1)).toMatchObject({ status: 200 });
  expect(service.stderr).toEqual([]);
}

async function isAnswered(call: () => Promise<unknown>): Promise<boolean> {
  return await call().then(
    () => true,
    () => false,
  );
}

function refusalIn(error: unknown): string {
  if (!(error instanceof ConnectError)) throw error;
  const [info] = error.findDetails(ErrorInfoSchema);
  const retryable = error.findDetails(RetryInfoSchema).length === 1;
  return `${Code[error.code]} ${info?.reason}${retryable ? ", retryable" : ""}`;
}

async function firstOf<T>(messages: AsyncIterable<T>): Promise<T | undefined> {
  for await (const message of messages) return message;
  return undefined;
}

async function* once<T>(message: T): AsyncGenerator<T> {
  yield message;
}
