import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type NegotiationManners, plainManners } from "../../src/demo/beach/messages.ts";
import {
  HandshakeKind,
  type RenegotiateResponse,
  RenegotiationReason,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { TransportPath } from "../../src/gen/beach/controller/v1/transport_pb.js";
import {
  type Bookmark,
  bookmark,
  bothReport,
  disturbances,
  fastPath,
  isLink,
  isState,
  lastBall,
  onFastPath,
  type SessionUnderTest,
  startSession,
} from "../support/process/beach-under-test.ts";
import { type SpawnedService, spawnService } from "../support/process/run-service.ts";

let service: SpawnedService;

beforeAll(async () => {
  service = await spawnService();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

async function replace({ sessionId }: SessionUnderTest): Promise<RenegotiateResponse> {
  const answer = await service.lease.renegotiate({
    sessionId,
    reason: RenegotiationReason.OPERATOR,
  });
  expect(answer.handshakeKind).toBe(HandshakeKind.RENEGOTIATE);
  expect(answer.transport?.path).toBe(TransportPath.FAST_PATH);
  return answer;
}

function offered({ offer }: RenegotiateResponse): string {
  if (offer === undefined) throw new Error("no offer");
  return offer.handshakeId;
}

async function abandoned({ beach, sessionId }: SessionUnderTest): Promise<void> {
  await beach.manager.when(
    (event) => isState(event, sessionId) && event.change === "NEGOTIATION_ABANDONED",
    { timeoutMs: 40_000 },
  );
}

/** The old path carried everything, and neither end did or said anything about it. */
async function expectUnnoticed(
  session: SessionUnderTest,
  current: string,
  since: Bookmark,
): Promise<void> {
  const { beach, sessionId } = session;
  const seen = disturbances(beach, sessionId, since);
  const ofCurrent = seen.changes.filter((event) => isLink(event, current));
  const rerouted = seen.changes.filter((event) => ["carrier", "poller"].includes(event.kind));
  const states = seen.changes.filter((event) => isState(event, sessionId));
  expect([...ofCurrent, ...rerouted]).toEqual([]);
  expect(new Set(states.map((state) => `${state.path} ${state.health}`))).toEqual(
    new Set(["FAST_PATH HEALTHY"]),
  );
  expect(new Set(states.map((state) => state.handshakeId))).toEqual(new Set([current]));
  expect(seen.fallbackWarnings).toEqual([]);
  await expectNoneLost(session);
}

async function expectNoneLost({ beach, sessionId }: SessionUnderTest): Promise<void> {
  const { applied, sent } = await lastBall(beach, sessionId);
  expect(applied.missing).toBe(0);
  expect(applied.lastApplied).toBe(sent.lastSent);
}

/** On a fast path that all the evidence calls healthy. */
async function healthy(session: SessionUnderTest): Promise<string> {
  const handshakeId = await onFastPath(session, 1);
  await bothReport(session, (e) => isState(e, session.sessionId) && e.health === "HEALTHY");
  return handshakeId;
}

function endsLink(what: string): boolean {
  return what === "retired" || what.endsWith("closed") || what.endsWith("disconnected");
}

async function ask(session: SessionUnderTest, manners: Partial<NegotiationManners>): Promise<void> {
  await session.host.ask({ kind: "manners", manners: { ...plainManners, ...manners } });
}

describe.concurrent("Overlapped: a replacement over a usable fast path", () => {
  test("takes over without a break, and only then is the old connection closed", async () => {
    await using session = await startSession(service, { sessionId: "replaced" });
    const { beach, sessionId } = session;
    const old = await healthy(session);
    const since = bookmark(beach);
    const next = offered(await replace(session));
    expect(await onFastPath(session, 2)).toBe(next);
    await bothReport(session, (event) => isLink(event, old) && event.what === "closed");

    const seen = disturbances(beach, sessionId, since);
    const carriers = seen.changes.filter((event) => event.kind === "carrier");
    expect(carriers).toEqual([{ kind: "carrier", sessionId, over: next }]);
    expect(seen.changes.filter((event) => event.kind === "poller")).toEqual([]);
    expect(seen.fallbackWarnings).toEqual([]);
    const words = [beach.manager, session.host].map(({ events }) => {
      const promotedAt = events.findIndex(fastPath(sessionId, 2));
      return {
        before: events.slice(0, promotedAt).filter((e) => isLink(e, old) && endsLink(e.what)),
        after: events.slice(promotedAt).filter((e) => isLink(e, old)),
      };
    });
    expect(words.flatMap(({ before }) => before)).toEqual([]);
    // The first end to get the verdict closes; the other sees it close, or gets the verdict as well.
    expect(words.flatMap(({ after }) => after)).toContainEqual(
      expect.objectContaining({ what: "retired" }),
    );
    await expectNoneLost(session);
  }, 60_000);

  test("that is never confirmed is abandoned, without effect on the old path", async () => {
    await using session = await startSession(service, { sessionId: "unconfirmed" });
    const current = await healthy(session);
    await ask(session, { withholdsReady: true });
    const since = bookmark(session.beach);
    await replace(session);
    await abandoned(session);
    await expectUnnoticed(session, current, since);
  }, 60_000);

  test("that comes up without mgr-acks does not replace a full one", async () => {
    await using session = await startSession(service, { sessionId: "without-acks" });
    const current = await healthy(session);
    await ask(session, { withoutChannels: ["mgr-acks"] });
    const since = bookmark(session.beach);
    const next = offered(await replace(session));
    await bothReport(session, (event) => isLink(event, next) && event.what === "mgr-actions ready");
    await abandoned(session);
    await expectUnnoticed(session, current, since);
  }, 60_000);
});

describe.concurrent("first channel wins", () => {
  test("a handshake that takes 17 s is promoted when nothing else is up", async () => {
    await using session = await startSession(service, {
      sessionId: "late",
      negotiation: { ...plainManners, delayMs: 17_000 },
    });
    await abandoned(session);
    const { manager } = session.beach;
    const first = manager.events.find(
      (event) => isState(event, "late") && event.negotiating !== "",
    );
    const promoted = await onFastPath(session, 1);
    expect(first).toMatchObject({ negotiating: promoted });
    expect(
      manager.logs.some((log) => log.msg.includes("fast-path actions channel not established")),
    ).toBe(true);
    await expectNoneLost(session);
  }, 60_000);
});
