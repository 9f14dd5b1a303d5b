import { durationMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";

import {
  type ChannelState,
  ConnectionState,
  HandshakeStanding,
  TransportEnd,
  TransportHealth,
  TransportPath,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type { DoorClients } from "../api-under-test.ts";
import { refusalOf } from "../expect-refusal.ts";
import {
  beach,
  type ConformanceOptions,
  type ConformanceSubject,
  freshId,
  leased,
  live,
  ofPromotion,
  readyReport,
  sessionOf,
  transportOf,
} from "./conformance-subject.ts";

type Subject = () => ConformanceSubject;

export function registryCases(subject: Subject, { door }: ConformanceOptions): void {
  if (door === "internal") {
    attachmentCases(subject);
    managerReportCases(subject);
    checkLeaseCases(subject);
  } else {
    publicDoorCases(subject);
  }
  hostReportCases(subject);
  checkHandshakeCases(subject);
  revokeCases(subject);
  listCases(subject);
}

function attachmentCases(subject: Subject): void {
  const registry = (): DoorClients["registry"] => subject().clients.registry;

  describe("AttachSession", () => {
    test("makes a session known, with its path pending", async () => {
      const sessionId = freshId();
      const { transport } = await registry().attachSession({ sessionId, privateBeachId: beach });
      expect(transport).toMatchObject({ sessionId, path: TransportPath.PENDING, generation: 0n });
      expect(transport?.health).toBe(TransportHealth.UNSPECIFIED);
    });

    test("again changes no lease and no transport", async () => {
      const held = await live(subject());
      const sessionId = sessionOf(held);
      const { transport } = await registry().attachSession({ sessionId, privateBeachId: beach });
      expect(transport).toMatchObject({
        path: TransportPath.FAST_PATH,
        generation: ofPromotion,
        liveLeases: 1,
      });
    });

    test("names the manager url and the channels of later offers, by their one name", async () => {
      const sessionId = freshId();
      await registry().attachSession({
        sessionId,
        privateBeachId: beach,
        managerUrl: "http://manager-2:8080",
        requiredChannels: ["pb-controller", "mgr-acks"],
      });
      const { offer } = await subject().internal.lease.acquire({ sessionId });
      expect(offer?.managerUrl).toBe("http://manager-2:8080");
      expect(offer?.channels).toEqual(["mgr-actions", "mgr-acks"]);
    });

    test("by another private beach is NOT_YOUR_BEACH", async () => {
      const sessionId = sessionOf(await leased(subject()));
      const call = registry().attachSession({ sessionId, privateBeachId: "beach-other" });
      expect(await refusalOf(call)).toMatchObject({
        code: "PermissionDenied",
        reason: "NOT_YOUR_BEACH",
      });
    });
  });

  describe("DetachSession", () => {
    test("forgets a session once; what is not known is not detached", async () => {
      const sessionId = sessionOf(await live(subject()));
      expect(await registry().detachSession({ sessionId })).toMatchObject({ detached: true });
      expect(await registry().detachSession({ sessionId })).toMatchObject({ detached: false });
      expect(await transportOf(subject(), sessionId)).toBeUndefined();
      const unknown = await registry().detachSession({ sessionId: freshId() });
      expect(unknown).toMatchObject({ detached: false });
    });
  });
}

function managerReportCases(subject: Subject): void {
  describe("ReportTransport", () => {
    const report = (...reports: ReturnType<typeof readyReport>[]) =>
      subject().clients.registry.reportTransport({ reports });

    test("promotes a handshake that the manager reports ready", async () => {
      const held = await leased(subject());
      const id = held.offer?.handshakeId ?? "";
      const { verdicts, reportEvery } = await report(readyReport(sessionOf(held), id));
      expect(verdicts).toMatchObject([
        {
          sessionId: sessionOf(held),
          path: TransportPath.FAST_PATH,
          health: TransportHealth.HEALTHY,
          generation: ofPromotion,
          standing: HandshakeStanding.PROMOTED,
          refusal: "",
        },
      ]);
      expect(reportEvery === undefined ? 0 : durationMs(reportEvery)).toBeGreaterThan(0);
    });

    test("processes several reports about one session in order", async () => {
      const held = await leased(subject());
      const id = held.offer?.handshakeId ?? "";
      const { verdicts } = await report(
        readyReport(sessionOf(held), id, { sequence: 1n }),
        readyReport(sessionOf(held), id, { sequence: 2n, connection: ConnectionState.CLOSED }),
      );
      expect(verdicts.map(({ path }) => path)).toEqual([
        TransportPath.FAST_PATH,
        TransportPath.HTTP_FALLBACK,
      ]);
    });

    test("refuses only the bad report, and accepts the others", async () => {
      const held = await leased(subject());
      const id = held.offer?.handshakeId ?? "";
      const { verdicts } = await report(
        readyReport(sessionOf(held), id, { end: TransportEnd.UNSPECIFIED }),
        readyReport(freshId(), id),
        readyReport(sessionOf(held), id),
      );
      expect(verdicts).toMatchObject([
        {
          refusal: "FIELD_INVALID",
          detail: expect.stringContaining("reports[0].end"),
          standing: HandshakeStanding.UNSPECIFIED,
        },
        {
          refusal: "SESSION_UNKNOWN",
          standing: HandshakeStanding.UNKNOWN,
          path: TransportPath.UNSPECIFIED,
        },
        { refusal: "", standing: HandshakeStanding.PROMOTED },
      ]);
    });

    test("asks the ends of a detached session to close", async () => {
      const held = await live(subject());
      const sessionId = sessionOf(held);
      await subject().internal.registry.detachSession({ sessionId });
      const { verdicts } = await report(readyReport(sessionId, held.offer?.handshakeId ?? ""));
      expect(verdicts).toMatchObject([
        { refusal: "SESSION_UNKNOWN", standing: HandshakeStanding.RETIRED },
      ]);
    });
  });
}

function checkLeaseCases(subject: Subject): void {
  describe("CheckLease", () => {
    test("answers the live lease and which way its actions go", async () => {
      const held = await live(subject());
      const named = { sessionId: sessionOf(held), controllerToken: held.controllerToken };
      const answer = await subject().clients.registry.checkLease(named);
      expect(answer).toMatchObject({
        lease: { leaseId: held.lease?.leaseId },
        path: TransportPath.FAST_PATH,
        generation: ofPromotion,
        leaseVersion: held.transport?.leaseVersion,
      });
    });

    test("of a token that the session never gave out is LEASE_NOT_LIVE", async () => {
      const sessionId = sessionOf(await leased(subject()));
      const call = subject().clients.registry.checkLease({ sessionId, controllerToken: "none" });
      expect(await refusalOf(call)).toMatchObject({
        reason: "LEASE_NOT_LIVE",
        metadata: { ended_by: "unknown" },
      });
    });
  });
}

function publicDoorCases(subject: Subject): void {
  test.each([
    ["AttachSession", (r: DoorClients["registry"]) => r.attachSession({ sessionId: "s" })],
    ["DetachSession", (r: DoorClients["registry"]) => r.detachSession({ sessionId: "s" })],
    ["CheckLease", (r: DoorClients["registry"]) => r.checkLease({ sessionId: "s" })],
  ])("%s is UNIMPLEMENTED at the public door", async (_name, call) => {
    expect(await refusalOf(call(subject().clients.registry))).toMatchObject({
      code: "Unimplemented",
    });
  });

  test("ReportTransport at the public door accepts no report as the manager", async () => {
    const held = await leased(subject());
    const { verdicts } = await subject().clients.registry.reportTransport({
      reports: [readyReport(sessionOf(held), held.offer?.handshakeId ?? "")],
    });
    expect(verdicts).toMatchObject([{ refusal: "FIELD_INVALID" }]);
    expect(await transportOf(subject(), sessionOf(held))).toMatchObject({ generation: 0n });
  });
}

function hostReportCases(subject: Subject): void {
  test("ReportTransport names every wrong field of a report, or sixteen and how many more", async () => {
    const channels = Array.from({ length: 8 }, () => ({ state: 99 as ChannelState }));
    const { verdicts } = await subject().clients.registry.reportTransport({
      reports: [{}, { channels }],
    });
    const [few, many] = verdicts.map(({ detail }) => detail);
    expect(few?.match(/"[^"]+"(?= must)/g)).toEqual(
      ["session_id", "handshake_id", "end"].map((field) => `"reports[0].${field}"`),
    );
    expect(many?.match(/"reports\[1\]\.[^"]+"/g)).toHaveLength(16);
    expect(many).toMatch(/; and 3 more$/);
  });

  test("ReportTransport accepts reports of the host", async () => {
    const held = await live(subject());
    const sessionId = sessionOf(held);
    const { verdicts } = await subject().clients.registry.reportTransport({
      reports: [
        readyReport(sessionId, held.offer?.handshakeId ?? "", {
          end: TransportEnd.HOST,
          reporterId: "host-1",
          lastError: "ice\u0007 restarted",
        }),
      ],
    });
    expect(verdicts).toMatchObject([{ refusal: "", standing: HandshakeStanding.PROMOTED }]);
    const { ends } = (await transportOf(subject(), sessionId)) ?? { ends: [] };
    expect(ends.map(({ end }) => end)).toEqual([TransportEnd.MANAGER, TransportEnd.HOST]);
  });
}

function checkHandshakeCases(subject: Subject): void {
  describe("CheckHandshake", () => {
    test("honours the handshake in flight", async () => {
      const held = await leased(subject());
      const handshakeId = held.offer?.handshakeId ?? "";
      const sessionId = sessionOf(held);
      const answer = await subject().clients.registry.checkHandshake({ sessionId, handshakeId });
      expect(answer).toMatchObject({ honoured: true, standing: HandshakeStanding.IN_FLIGHT });
      expect(answer.transport?.negotiation?.handshakeId).toBe(handshakeId);
    });

    test("does not know an id that the service cannot have made", async () => {
      const sessionId = sessionOf(await leased(subject()));
      const answer = await subject().clients.registry.checkHandshake({
        sessionId,
        handshakeId: "no/such handshake",
      });
      expect(answer).toMatchObject({ honoured: false, standing: HandshakeStanding.UNKNOWN });
    });
  });
}

function revokeCases(subject: Subject): void {
  describe("RevokeLeases", () => {
    test("ends the leases, and lets nobody acquire until the hold is lifted", async () => {
      const sessionId = sessionOf(await live(subject()));
      const { registry, lease } = subject().clients;
      expect(await registry.revokeLeases({ sessionId })).toMatchObject({ revoked: 1 });
      expect(await refusalOf(lease.acquire({ sessionId }))).toMatchObject({
        code: "PermissionDenied",
        reason: "REVOKED",
        retryable: true,
      });
      expect(await transportOf(subject(), sessionId)).toMatchObject({
        path: TransportPath.FAST_PATH,
        liveLeases: 0,
      });
      const lifted = await registry.revokeLeases({ sessionId, hold: { seconds: 0n } });
      expect(lifted).toMatchObject({ revoked: 0 });
      expect((await lease.acquire({ sessionId })).lease?.sessionId).toBe(sessionId);
    });

    test("covers every named lease, live or just ended, and counts unknown ones", async () => {
      const acquired = await live(subject());
      const sessionId = sessionOf(acquired);
      const { registry, lease } = subject().clients;
      const leaseId = acquired.lease?.leaseId ?? "";
      await lease.release({ sessionId, controllerToken: acquired.controllerToken });
      const leaseIds = [leaseId, "never-was"];
      expect(await registry.revokeLeases({ sessionId, leaseIds })).toMatchObject({
        revoked: 0,
        unknown: 1,
        sessionHeld: false,
      });
      const again = lease.acquire({ sessionId, reason: acquired.lease?.reason ?? "" });
      expect(await refusalOf(again)).toMatchObject({ reason: "REVOKED" });
    });
  });
}

function listCases(subject: Subject): void {
  test("ListSessions shows every session of a private beach, page by page", async () => {
    const held = [await leased(subject()), await live(subject()), await leased(subject())];
    const { registry } = subject().clients;
    const listed: string[] = [];
    let pageToken = "";
    do {
      const page = await registry.listSessions({ privateBeachId: beach, pageSize: 2, pageToken });
      expect(page.sessions.length).toBeLessThanOrEqual(2);
      listed.push(...page.sessions.map(({ sessionId }) => sessionId));
      for (const session of page.sessions) expect(session.privateBeachId).toBe(beach);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(listed).toEqual(expect.arrayContaining(held.map(sessionOf)));
    expect(listed).toEqual([...new Set(listed)]);
  });

  test("ListSessions shows leases and transport, and no token", async () => {
    const held = await live(subject());
    const { sessions } = await subject().clients.registry.listSessions({
      privateBeachId: beach,
      pageSize: 1000,
    });
    const summary = sessions.find(({ sessionId }) => sessionId === sessionOf(held));
    expect(summary?.leases).toMatchObject([{ leaseId: held.lease?.leaseId }]);
    expect(summary?.transport?.path).toBe(TransportPath.FAST_PATH);
    expect(summary?.age).toBeDefined();
  });

  test("SummarizeFleet counts every session under exactly one path", async () => {
    await live(subject());
    await leased(subject());
    const figures = await subject().clients.registry.summarizeFleet({ privateBeachId: beach });
    expect(figures.sessions).toBe(figures.pending + figures.fastPath + figures.httpFallback);
    expect(figures.fastPath).toBeGreaterThanOrEqual(1n);
    expect(figures.pending).toBeGreaterThanOrEqual(1n);
    expect(figures.liveLeases).toBeGreaterThanOrEqual(2n);
  });
}
