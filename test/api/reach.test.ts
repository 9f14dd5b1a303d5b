import { describe, expect, test } from "vitest";

import type { PasscodeVerifier } from "../../src/auth/passcode.ts";
import type { Refusal } from "../../src/core/refusal.ts";
import { HandshakeStanding, TransportEnd } from "../../src/gen/beach/controller/v1/transport_pb.js";
import type { LeaseService } from "../../src/service/lease-service.ts";
import { serviceUnderTest } from "../support/service/session-service.ts";
import { calledBy, dependenciesFor, inMemory } from "./api-under-test.ts";
import { readyReport } from "./conformance/conformance-subject.ts";
import { refusalOf, takeUntil } from "./expect-refusal.ts";
import { host, person, service as servicePrincipal } from "./principals.ts";

const stranger = person({ reach: { kind: "beach", beachId: "beach-2" }, account: "stranger" });

/** A session of beach-1 with a live lease of the fleet's own service. */
async function ownedByBeach1(service: LeaseService): Promise<{
  readonly sessionId: string;
  readonly controllerToken: string;
}> {
  const { lease, registry } = inMemory(dependenciesFor(service));
  await registry.attachSession({ sessionId: "s-1", privateBeachId: "beach-1" });
  const { controllerToken } = await lease.acquire({ sessionId: "s-1" });
  return { sessionId: "s-1", controllerToken };
}

/** A verifier that opens sessions for one passcode, and counts how often it was asked. */
function verifier(answer: Refusal | undefined): PasscodeVerifier & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    verify: ({ sessionId }) => {
      asked.push(sessionId);
      return Promise.resolve(answer);
    },
  };
}

describe("a caller of another private beach", () => {
  test("learns of no session, whatever it asks, also with a live token", async () => {
    await using under = await serviceUnderTest();
    const target = await ownedByBeach1(under.service);
    const { lease, registry } = calledBy(under.service, stranger);
    const before = await under.service.find(target.sessionId);
    const calls = [
      lease.acquire({ sessionId: target.sessionId }),
      lease.renew(target),
      lease.renegotiate({ ...target, observedGeneration: 0n }),
      lease.release(target),
      registry.revokeLeases({ sessionId: target.sessionId }),
    ];
    for (const call of calls) {
      expect(await refusalOf(call)).toMatchObject({ code: "NotFound", reason: "SESSION_UNKNOWN" });
    }
    expect(await under.service.find(target.sessionId)).toEqual(before);
  });

  test("gets SESSION_UNKNOWN for each such renewal of a batch", async () => {
    await using under = await serviceUnderTest();
    const target = await ownedByBeach1(under.service);
    const { lease } = calledBy(under.service, stranger);
    async function* batches() {
      yield { renewals: [target] };
    }
    const [answer] = await takeUntil(lease.keepAlive(batches()), () => true);
    expect(answer?.results).toMatchObject([{ refusal: "SESSION_UNKNOWN" }]);
  });

  test("learns that a watched session is not known, and nothing that happens to it later", async () => {
    await using under = await serviceUnderTest();
    const { sessionId, controllerToken } = await ownedByBeach1(under.service);
    const { registry } = inMemory(dependenciesFor(under.service));
    await registry.attachSession({ sessionId: "s-2", privateBeachId: "beach-2" });
    const { lease } = calledBy(under.service, stranger);
    const seen = await takeUntil(
      lease.watchTransport({ sessionIds: [sessionId, "s-2"], reader: TransportEnd.HOST }),
      (messages) => {
        if (messages.at(-1)?.event.case === "bookmark") {
          expect(under.service.hostWatches(sessionId)).toBe(false);
          const { tokens } = under.service;
          void Promise.resolve(
            under.service.execute(sessionId, {
              kind: "Release",
              tokenHash: tokens.hash(controllerToken),
            }),
          )
            .then(() => registry.detachSession({ sessionId }))
            .then(() => registry.detachSession({ sessionId: "s-2", reason: "done" }));
        }
        return messages.length === 4;
      },
    );
    expect(seen.map(({ event }) => [event.case, describeEvent(event.value)])).toEqual([
      ["gone", "s-1 unknown"],
      ["state", "s-2"],
      ["bookmark", ""],
      ["gone", "s-2 done"],
    ]);
  });

  test("sees nothing of another's beach in watch, list and figures", async () => {
    await using under = await serviceUnderTest();
    await ownedByBeach1(under.service);
    const { lease, registry } = calledBy(under.service, stranger);
    const watched = await takeUntil(
      lease.watchTransport({ privateBeachId: "beach-1" }),
      () => true,
    );
    expect(watched.map(({ event }) => event.case)).toEqual(["bookmark"]);
    const named = await registry.listSessions({ privateBeachId: "beach-1" });
    expect(named.sessions).toEqual([]);
    expect((await registry.listSessions({})).sessions).toEqual([]);
    const figures = await registry.summarizeFleet({ privateBeachId: "beach-1" });
    expect(figures.sessions).toBe(0n);
  });

  test("may not attach for a private beach that is not its own", async () => {
    await using under = await serviceUnderTest();
    const narrow = servicePrincipal({ reach: { kind: "beach", beachId: "beach-2" } });
    const { registry } = calledBy(under.service, narrow);
    const call = registry.attachSession({ sessionId: "s-9", privateBeachId: "beach-1" });
    expect(await refusalOf(call)).toMatchObject({ reason: "NOT_YOUR_BEACH" });
    expect(await under.service.find("s-9")).toBeUndefined();
  });

  test("detaches nothing, and learns no more than that", async () => {
    await using under = await serviceUnderTest();
    const { sessionId } = await ownedByBeach1(under.service);
    const narrow = servicePrincipal({ reach: { kind: "beach", beachId: "beach-2" } });
    const { registry } = calledBy(under.service, narrow);
    expect(await registry.detachSession({ sessionId })).toMatchObject({ detached: false });
    expect(await under.service.find(sessionId)).toMatchObject({ kind: "attached" });
  });

  test("acquires with a passcode that verifies", async () => {
    await using under = await serviceUnderTest();
    const { sessionId } = await ownedByBeach1(under.service);
    const passcodes = verifier(undefined);
    const { lease } = calledBy(under.service, stranger, { passcodes });
    const answer = await lease.acquire({ sessionId, passcode: "123456" });
    expect(answer.lease?.accountId).toBe("stranger");
    expect(await under.service.find(sessionId)).toMatchObject({ beachId: "beach-1" });
  });

  test("does not verify the passcode again while its own lease is live", async () => {
    await using under = await serviceUnderTest();
    const { sessionId } = await ownedByBeach1(under.service);
    const passcodes = verifier(undefined);
    const { lease } = calledBy(under.service, stranger, { passcodes });
    const first = await lease.acquire({ sessionId, passcode: "123456" });
    const again = await lease.acquire({ sessionId, passcode: "123456" });
    expect(again.controllerToken).toBe(first.controllerToken);
    expect(passcodes.asked).toEqual([sessionId]);
    await lease.acquire({ sessionId, passcode: "123456", reason: "another" });
    expect(passcodes.asked).toHaveLength(2);
  });
});

describe("a passcode", () => {
  test.each<[Refusal, string, string]>([
    [{ reason: "PASSCODE_WRONG" }, "PermissionDenied", "PASSCODE_WRONG"],
    [{ reason: "SESSION_UNKNOWN" }, "NotFound", "SESSION_UNKNOWN"],
    [{ reason: "ROAD_UNAVAILABLE", retryAfterMs: 1500 }, "Unavailable", "ROAD_UNAVAILABLE"],
  ])("that is answered with %j makes no session known", async (answer, code, reason) => {
    await using under = await serviceUnderTest();
    const { lease } = calledBy(under.service, person(), { passcodes: verifier(answer) });
    const call = lease.acquire({ sessionId: "s-new", passcode: "000000" });
    expect(await refusalOf(call)).toMatchObject({ code, reason });
    expect(await under.service.find("s-new")).toBeUndefined();
  });

  test("that verifies assigns the session to the bearer's beach, whatever the request names", async () => {
    await using under = await serviceUnderTest();
    const { lease } = calledBy(under.service, person());
    await lease.acquire({ sessionId: "s-new", passcode: "1", privateBeachId: "beach-9" });
    expect(await under.service.find("s-new")).toMatchObject({ beachId: "beach-1" });
  });
});

describe("scopes and accounts", () => {
  test("a mere reader acquires with a passcode only, and renews by acquiring again", async () => {
    await using under = await serviceUnderTest();
    const { sessionId } = await ownedByBeach1(under.service);
    const reader = person({ scopes: ["pb:sessions.read"] });
    const { lease } = calledBy(under.service, reader);
    expect(await refusalOf(lease.acquire({ sessionId }))).toMatchObject({
      code: "PermissionDenied",
      reason: "SCOPE_MISSING",
      metadata: { scope: "pb:control.write" },
    });
    const held = await lease.acquire({ sessionId, passcode: "123456" });
    const { controllerToken } = held;
    expect(await refusalOf(lease.renew({ sessionId, controllerToken }))).toMatchObject({
      reason: "SCOPE_MISSING",
    });
    const again = await lease.acquire({ sessionId });
    expect(again.lease?.leaseId).toBe(held.lease?.leaseId);
  });

  test("only a caller with control may renegotiate without a lease", async () => {
    await using under = await serviceUnderTest();
    const { sessionId } = await ownedByBeach1(under.service);
    const reader = calledBy(under.service, person({ scopes: ["pb:sessions.read"] }));
    const call = reader.lease.renegotiate({ sessionId, reason: 4 });
    expect(await refusalOf(call)).toMatchObject({ reason: "SCOPE_MISSING" });
    const answer = await calledBy(under.service, person()).lease.renegotiate({
      sessionId,
      reason: 4,
    });
    expect(answer.joined).toBe(true);
  });

  test("a lease without an account is ACCOUNT_MISSING outside development", async () => {
    await using under = await serviceUnderTest();
    const { sessionId } = await ownedByBeach1(under.service);
    const { lease } = calledBy(under.service, person({ account: undefined }));
    expect(await refusalOf(lease.acquire({ sessionId }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "ACCOUNT_MISSING",
    });
  });

  test("a person cannot take a lease in another's name", async () => {
    await using under = await serviceUnderTest();
    const { sessionId } = await ownedByBeach1(under.service);
    const { lease } = calledBy(under.service, person());
    expect(await refusalOf(lease.acquire({ sessionId, accountId: "bob" }))).toMatchObject({
      reason: "FIELD_INVALID",
      fields: ["account_id"],
    });
  });

  test("credentials that are not valid are UNAUTHENTICATED on every kind of call", async () => {
    await using under = await serviceUnderTest();
    const { lease, registry } = inMemory(
      dependenciesFor(under.service, {
        authenticator: {
          authenticate: () =>
            Promise.resolve({ kind: "refused", refusal: { reason: "UNAUTHENTICATED" } }),
          isCurrent: () => false,
        },
      }),
    );
    const everything = () => false;
    async function* nothing() {}
    const calls = [
      lease.renew({}),
      registry.listSessions({}),
      takeUntil(lease.watchTransport({ sessionIds: ["s"] }), everything),
      takeUntil(lease.keepAlive(nothing()), everything),
    ];
    for (const call of calls) {
      expect(await refusalOf(call)).toMatchObject({
        code: "Unauthenticated",
        reason: "UNAUTHENTICATED",
      });
    }
  });
});

describe("a host with its publish token", () => {
  test("reports and asks about its own session alone, and as the host alone", async () => {
    await using under = await serviceUnderTest();
    await ownedByBeach1(under.service);
    const { registry } = calledBy(under.service, host(), { door: "public" });
    const asHost = { end: TransportEnd.HOST };
    const { verdicts } = await registry.reportTransport({
      reports: [
        readyReport("s-1", "h", asHost),
        readyReport("s-1", "h"),
        readyReport("s-2", "h", asHost),
      ],
    });
    expect(verdicts.map(({ refusal }) => refusal)).toEqual([
      "",
      "FIELD_INVALID",
      "SESSION_UNKNOWN",
    ]);
    expect(await registry.checkHandshake({ sessionId: "s-1", handshakeId: "h" })).toMatchObject({
      honoured: false,
    });
    expect(await refusalOf(registry.revokeLeases({ sessionId: "s-1" }))).toMatchObject({
      reason: "SCOPE_MISSING",
    });
  });

  test("is not told to close because another beach's session was detached", async () => {
    await using under = await serviceUnderTest();
    await ownedByBeach1(under.service);
    await inMemory(dependenciesFor(under.service)).registry.detachSession({ sessionId: "s-1" });
    const report = readyReport("s-1", "h", { end: TransportEnd.HOST });
    const other = host({ reach: { kind: "session", sessionId: "s-2" } });
    const foreign = await calledBy(under.service, other).registry.reportTransport({
      reports: [report],
    });
    expect(foreign.verdicts).toMatchObject([{ standing: HandshakeStanding.UNKNOWN }]);
    const own = await calledBy(under.service, host()).registry.reportTransport({
      reports: [report],
    });
    expect(own.verdicts).toMatchObject([{ standing: HandshakeStanding.RETIRED }]);
  });
});

function describeEvent(event: unknown): string {
  const { sessionId = "", reason = "" } = event as { sessionId?: string; reason?: string };
  return [sessionId, reason].filter((word) => word !== "").join(" ");
}
