import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { RenegotiationReason } from "../../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { SessionSummary } from "../../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  HandshakeStanding,
  TransportPath,
} from "../../../../src/gen/beach/controller/v1/transport_pb.js";
import { ErrorInfoSchema } from "../../../../src/gen/google/rpc/error_details_pb.js";
import {
  beachOfHeld,
  type HeldSession,
  holdFastPath,
} from "../../../support/callers/held-session.ts";
import { type OpenWatch, openWatch } from "../../../support/callers/open-watch.ts";
import { retried } from "../../../support/callers/retried.ts";
import {
  type Reach,
  type RunningService,
  runService,
} from "../../../support/process/run-service.ts";
import { hastyPolicy } from "../../../support/redis/hasty-policy.ts";
import { type RedisPair, standStill, startRedisPair } from "../../../support/redis/redis-pair.ts";
import { hasRedis } from "../../../support/redis/redis-server.ts";
import { UsedCounters } from "./used-counters.ts";

const inTime = { timeout: 20_000 };
/** Leases, negotiations and fast paths outlive the story. */
const policy = {
  ...hastyPolicy,
  leaseTtlMs: 120_000,
  evidenceLostMs: 120_000,
  negotiationTimeoutMs: 120_000,
};

/** Facts that were shown, and may be lost. */
interface Answered {
  readonly grants: { readonly sessionId: string; readonly controllerToken: string }[];
  /** The newest promotion of each session. */
  readonly promotions: Map<string, { readonly handshake: string; readonly generation: bigint }>;
}

describe.skipIf(!hasRedis)("a failover to a replica that did not have everything", () => {
  test("repeats no number, closes no connection, and shows watchers the sessions that are left", async () => {
    await using redis = await startRedisPair();
    await using witness = await serve(redis);
    const used = new UsedCounters();
    const contested = [await holdFastPath(witness, "a"), await holdFastPath(witness, "b")];
    const left = await holdFastPath(witness, "left");
    const sessions = [...contested, left];
    // Nothing that lasts will ever happen to this one: watchers alone ask for it.
    await witness.registry.attachSession({ sessionId: "idle", privateBeachId: beachOfHeld });
    await using watch = await openWatch(witness, [...sessions.map(({ id }) => id), "idle"]);

    for (const round of [1, 2]) {
      const lost: Answered = { grants: [], promotions: new Map() };
      await redis.withhold();
      // Gaps are lost as well, and their numbers used again.
      await standStill(redis.primary, 2_000);
      await grant(witness, "idle", { used, answered: lost });
      for (const session of sessions) await useNumbers(witness, session, { used, answered: lost });

      await redis.failOver();
      await using fresh = await serve(redis);
      // Two primaries for a while: who was connected to the one before still is.
      for (const session of contested) {
        await Promise.all([
          useNumbers(witness, session, { used, answered: lost }),
          useNumbers(fresh, session, { used }),
        ]);
      }
      await redis.comeBack();

      const { handshake = "", generation = 0n } = lost.promotions.get(left.id) ?? {};
      const verdicts = await retried(() => left.report(witness, handshake));
      expect(verdicts.map(({ standing }) => standing)).toEqual([
        HandshakeStanding.UNKNOWN,
        HandshakeStanding.UNKNOWN,
      ]);
      for (const session of sessions) {
        await useNumbers(fresh, session, { used });
        const promoted = await useNumbers(witness, session, { used });
        expect(promoted).toBeGreaterThan(generation);
      }
      await expect.poll(() => differences(fresh, watch), inTime).toEqual([]);
      await expect.poll(() => differences(witness, watch), inTime).toEqual([]);
      const missing = await missingOf(fresh, lost);
      expect(missing).toBeGreaterThan(0);
      print(
        `failover ${round}: ${missing} of ${lost.grants.length} grants that were answered are lost`,
      );
    }
    for (const state of watch.states) used.see(state);
    expect(watch.end).toBeUndefined();
    expect(used.twice).toEqual([]);
    await expectRightCounts(witness);
  });

  test("loses no answered change where a replica has to acknowledge it", async () => {
    await using redis = await startRedisPair();
    await using service = await serve(redis, { LEASE_REDIS_ACK_REPLICAS: "1" });
    const held = await holdFastPath(service, "a");
    const answered: Answered = { grants: [], promotions: new Map() };
    const used = new UsedCounters();
    await grant(service, held.id, { used, answered });
    await redis.withhold();
    const late = service.lease.acquire({ sessionId: held.id, reason: "late" });
    await expect(late).rejects.toMatchObject({ code: Code.Unavailable });
    await redis.failOver();
    await redis.comeBack();
    const { lease } = await retried(() =>
      service.lease.acquire({ sessionId: held.id, reason: "late" }),
    );
    used.seeLease(lease);
    expect(await missingOf(service, answered)).toBe(0);
    expect(used.twice).toEqual([]);
  });

  test("loses little when the primary is killed under load, and that is counted", async () => {
    await using redis = await startRedisPair();
    await using service = await serve(redis);
    const answered: Answered = { grants: [], promotions: new Map() };
    let isOver = false;
    const press = async (name: string): Promise<void> => {
      for (let index = 0; !isOver; index++) {
        const ask = { sessionId: `${name}-${index}`, privateBeachId: "b", passcode: "1" };
        const granted = await service.lease.acquire(ask).catch(() => undefined);
        if (granted === undefined) return;
        answered.grants.push({ ...ask, controllerToken: granted.controllerToken });
      }
    };
    const pressed = Promise.all(Array.from({ length: 16 }, (_, index) => press(`s${index}`)));
    await expect.poll(() => answered.grants.length, inTime).toBeGreaterThan(300);
    await redis.primary.kill();
    isOver = true;
    await pressed;
    await redis.failOver();
    const began = performance.now();
    await retried(() => service.registry.checkLease(answered.grants[0] ?? {}));
    const backMs = Math.round(performance.now() - began);
    const missing = await missingOf(service, answered);
    print(
      `primary killed: ${missing} of ${answered.grants.length} grants that were answered are lost; ` +
        `answers again ${backMs} ms after the promotion of the replica`,
    );
    expect(missing).toBeLessThan(answered.grants.length / 2);
  });
});

function serve({ url }: RedisPair, env: Record<string, string> = {}): Promise<RunningService> {
  const key = "0123456789abcdef0123456789abcdef";
  return runService({ policy, env: { LEASE_STORE_URL: url, LEASE_TOKEN_KEY: key, ...env } });
}

interface Notes {
  readonly used: UsedCounters;
  readonly answered?: Answered;
}

async function grant(
  service: Reach,
  sessionId: string,
  { used, answered }: Notes,
): Promise<string> {
  const reason = `agent of ${service.addresses.grpc}`;
  const ask = { sessionId, reason };
  const { lease, controllerToken } = await retried(() => service.lease.acquire(ask));
  used.seeLease(lease);
  answered?.grants.push({ sessionId, controllerToken });
  return controllerToken;
}

/** Grants, releases and promotes twice; answers with the newest generation. */
async function useNumbers(service: Reach, session: HeldSession, notes: Notes): Promise<bigint> {
  const { id: sessionId } = session;
  const { used, answered } = notes;
  let generation = 0n;
  for (let time = 0; time < 2; time++) {
    const controllerToken = await grant(service, sessionId, notes);
    await retried(() => service.lease.release({ sessionId, controllerToken }));
    const operator = { sessionId, reason: RenegotiationReason.OPERATOR };
    const { offer, transport } = await retried(() => service.lease.renegotiate(operator));
    used.see(transport);
    const handshake = offer?.handshakeId ?? "";
    const verdicts = await retried(() => session.report(service, handshake));
    generation = verdicts.at(-1)?.generation ?? 0n;
    answered?.promotions.set(sessionId, { handshake, generation });
  }
  return generation;
}

async function listed({ registry }: Reach): Promise<readonly SessionSummary[]> {
  return (await registry.listSessions({ pageSize: 1_000 })).sessions;
}

/** Sessions of which the stream told last what is not so; looking changes nothing. */
async function differences(service: Reach, watch: OpenWatch): Promise<readonly string[]> {
  const sessions = await listed(service);
  return sessions.flatMap(({ sessionId, transport }) => {
    const received = watch.newest(sessionId);
    if (received?.version === transport?.version) return [];
    return [`${sessionId}: told ${received?.version}, is ${transport?.version}`];
  });
}

/** How many of the leases are not even known to have ended. */
async function missingOf({ registry }: Reach, { grants }: Answered): Promise<number> {
  const ends = grants.map(async ({ sessionId, controllerToken }) => {
    const check = (): Promise<unknown> => registry.checkLease({ sessionId, controllerToken });
    const error = await retried(check).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof ConnectError)) return "live";
    const [info] = error.findDetails(ErrorInfoSchema);
    const { ended_by: endedBy } = info?.metadata ?? {};
    return endedBy ?? info?.reason;
  });
  const lost = ["unknown", "SESSION_UNKNOWN"];
  return (await Promise.all(ends)).filter((end) => lost.includes(end ?? "")).length;
}

/** What was counted change by change is what there is. */
async function expectRightCounts(service: Reach): Promise<void> {
  const sessions = await listed(service);
  const on = (path: TransportPath): number =>
    sessions.filter(({ transport }) => transport?.path === path).length;
  expect(await service.registry.summarizeFleet({})).toMatchObject({
    sessions: BigInt(sessions.length),
    liveLeases: BigInt(sessions.reduce((sum, { leases }) => sum + leases.length, 0)),
    pending: BigInt(on(TransportPath.PENDING)),
    fastPath: BigInt(on(TransportPath.FAST_PATH)),
    httpFallback: BigInt(on(TransportPath.HTTP_FALLBACK)),
  });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
