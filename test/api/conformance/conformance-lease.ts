import { durationMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";

import {
  HandshakeKind,
  RenegotiationReason,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  TransportHealth,
  TransportPath,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { refusalOf, takeUntil } from "../expect-refusal.ts";
import {
  beach,
  type ConformanceOptions,
  type ConformanceSubject,
  freshId,
  leased,
  live,
  ofPromotion,
  sessionOf,
  transportOf,
} from "./conformance-subject.ts";

type Subject = () => ConformanceSubject;

export function leaseCases(subject: Subject, { duplex }: ConformanceOptions): void {
  acquireCases(subject);
  renewCases(subject);
  renegotiateCases(subject);
  releaseCases(subject);
  if (duplex) describe("KeepAlive", () => keepAliveCases(subject));
}

function acquireCases(subject: Subject): void {
  describe("Acquire", () => {
    test("makes a session known by its passcode and answers lease, token and offer", async () => {
      const sessionId = freshId();
      const { lease: leases } = subject().clients;
      const answer = await leases.acquire({
        sessionId,
        privateBeachId: beach,
        passcode: "123456",
        reason: "tab-1",
        ttl: { seconds: 60n },
      });
      expect(answer.lease).toMatchObject({ sessionId, reason: "tab-1", accountId: "" });
      expect(answer.lease?.leaseId).not.toBe("");
      expect(answer.controllerToken).toMatch(/^[\w-]{43}$/);
      expect(answer.handshakeKind).toBe(HandshakeKind.RENEGOTIATE);
      expect(answer.joined).toBe(false);
      expect(answer.offer).toMatchObject({
        sessionId,
        privateBeachId: beach,
        channels: ["mgr-actions"],
        deliveredByServer: false,
      });
      expect(answer.transport).toMatchObject({
        sessionId,
        path: TransportPath.PENDING,
        generation: 0n,
        handshakeId: "",
        liveLeases: 1,
      });
      expect(answer.transport?.negotiation?.handshakeId).toBe(answer.offer?.handshakeId);
    });

    test("says how long the lease lasts and when to renew it", async () => {
      const { lease } = await subject().clients.lease.acquire({
        sessionId: freshId(),
        privateBeachId: beach,
        passcode: "123456",
        ttl: { seconds: 60n },
      });
      const expiresIn = lease?.expiresIn === undefined ? 0 : durationMs(lease.expiresIn);
      const renewAfter = lease?.renewAfter === undefined ? 0 : durationMs(lease.renewAfter);
      expect(expiresIn).toBeGreaterThan(50_000);
      expect(expiresIn).toBeLessThanOrEqual(60_000);
      expect(renewAfter).toBeGreaterThanOrEqual(30_000);
      expect(renewAfter).toBeLessThan(40_000);
      expect(lease?.expiresAt === undefined ? 0 : timestampMs(lease.expiresAt)).toBeGreaterThan(0);
    });

    test("asked again, answers the same token and joins the handshake in flight", async () => {
      const first = await leased(subject());
      const again = await subject().clients.lease.acquire({
        sessionId: sessionOf(first),
        reason: "auto_handshake",
      });
      expect(again.controllerToken).toBe(first.controllerToken);
      expect(again.lease?.leaseId).toBe(first.lease?.leaseId);
      expect(again.joined).toBe(true);
      expect(again.offer?.handshakeId).toBe(first.offer?.handshakeId);
    });

    test("of an unknown session without a passcode is SESSION_UNKNOWN", async () => {
      const sessionId = freshId();
      const refusal = await refusalOf(
        subject().clients.lease.acquire({ sessionId, privateBeachId: beach }),
      );
      expect(refusal).toMatchObject({ code: "NotFound", reason: "SESSION_UNKNOWN" });
      expect(await transportOf(subject(), sessionId)).toBeUndefined();
    });

    test("of an unknown session needs a private beach to own it", async () => {
      const call = subject().clients.lease.acquire({ sessionId: freshId(), passcode: "123456" });
      expect(await refusalOf(call)).toMatchObject({
        reason: "FIELD_INVALID",
        fields: ["private_beach_id"],
      });
    });
  });
}

function renewCases(subject: Subject): void {
  describe("Renew", () => {
    test("refreshes while the fast path is usable, and changes nothing of it", async () => {
      const held = await live(subject());
      const before = await transportOf(subject(), sessionOf(held));
      const answer = await subject().clients.lease.renew({
        sessionId: sessionOf(held),
        controllerToken: held.controllerToken,
      });
      expect(answer.handshakeKind).toBe(HandshakeKind.REFRESH);
      expect(answer.offer).toBeUndefined();
      expect(answer.lease?.leaseId).toBe(held.lease?.leaseId);
      expect(answer.transport).toMatchObject({
        path: TransportPath.FAST_PATH,
        health: TransportHealth.HEALTHY,
        generation: ofPromotion,
        handshakeId: held.offer?.handshakeId,
        version: before?.version,
      });
    });

    test("joins the handshake in flight while no fast path is usable", async () => {
      const held = await leased(subject());
      const answer = await subject().clients.lease.renew({
        sessionId: sessionOf(held),
        controllerToken: held.controllerToken,
      });
      expect(answer.handshakeKind).toBe(HandshakeKind.RENEGOTIATE);
      expect(answer.joined).toBe(true);
      expect(answer.offer?.handshakeId).toBe(held.offer?.handshakeId);
    });

    test("with lease_only starts and joins nothing", async () => {
      const held = await leased(subject());
      const answer = await subject().clients.lease.renew({
        sessionId: sessionOf(held),
        controllerToken: held.controllerToken,
        leaseOnly: true,
      });
      expect(answer.handshakeKind).toBe(HandshakeKind.REFRESH);
      expect(answer.offer).toBeUndefined();
    });

    test("of a released lease is LEASE_NOT_LIVE, ended by released", async () => {
      const held = await leased(subject());
      const named = { sessionId: sessionOf(held), controllerToken: held.controllerToken };
      await subject().internal.lease.release(named);
      expect(await refusalOf(subject().clients.lease.renew(named))).toMatchObject({
        code: "FailedPrecondition",
        reason: "LEASE_NOT_LIVE",
        domain: "controller.beach",
        metadata: { ended_by: "released" },
      });
    });

    test("of a detached session's lease is LEASE_NOT_LIVE, ended by detached", async () => {
      const held = await leased(subject());
      const named = { sessionId: sessionOf(held), controllerToken: held.controllerToken };
      await subject().internal.registry.detachSession({ sessionId: sessionOf(held) });
      expect(await refusalOf(subject().clients.lease.renew(named))).toMatchObject({
        reason: "LEASE_NOT_LIVE",
        metadata: { ended_by: "detached" },
      });
    });
  });
}

function renegotiateCases(subject: Subject): void {
  describe("Renegotiate", () => {
    test("by an operator starts a replacement beside the current fast path", async () => {
      const held = await live(subject());
      const answer = await subject().clients.lease.renegotiate({
        sessionId: sessionOf(held),
        reason: RenegotiationReason.OPERATOR,
      });
      expect(answer.handshakeKind).toBe(HandshakeKind.RENEGOTIATE);
      expect(answer.joined).toBe(false);
      expect(answer.offer?.handshakeId).not.toBe(held.offer?.handshakeId);
      expect(answer.transport).toMatchObject({
        path: TransportPath.FAST_PATH,
        handshakeId: held.offer?.handshakeId,
      });
    });

    test("is left alone when the session is past the observed generation", async () => {
      const held = await live(subject());
      const answer = await subject().clients.lease.renegotiate({
        sessionId: sessionOf(held),
        controllerToken: held.controllerToken,
        observedGeneration: 0n,
      });
      expect(answer.handshakeKind).toBe(HandshakeKind.REFRESH);
    });

    test("over a usable fast path needs the generation that was seen", async () => {
      const held = await live(subject());
      const call = subject().clients.lease.renegotiate({
        sessionId: sessionOf(held),
        controllerToken: held.controllerToken,
        reason: RenegotiationReason.POOR_QUALITY,
      });
      expect(await refusalOf(call)).toMatchObject({
        reason: "FIELD_INVALID",
        fields: ["observed_generation"],
      });
    });

    test("of a fast path that was promoted just now is TOO_MANY, with a time to wait", async () => {
      const held = await live(subject());
      const sessionId = sessionOf(held);
      const observedGeneration = (await transportOf(subject(), sessionId))?.generation ?? 0n;
      const call = subject().clients.lease.renegotiate({
        sessionId,
        controllerToken: held.controllerToken,
        reason: RenegotiationReason.POOR_QUALITY,
        observedGeneration,
      });
      expect(await refusalOf(call)).toMatchObject({
        code: "ResourceExhausted",
        reason: "TOO_MANY",
        metadata: { what: "replacements" },
        retryable: true,
      });
    });
  });
}

function releaseCases(subject: Subject): void {
  describe("Release", () => {
    test("ends the lease, leaves the transport, and is no error the second time", async () => {
      const held = await live(subject());
      const named = { sessionId: sessionOf(held), controllerToken: held.controllerToken };
      expect(await subject().clients.lease.release(named)).toMatchObject({ released: true });
      expect(await subject().clients.lease.release(named)).toMatchObject({ released: false });
      expect(await transportOf(subject(), named.sessionId)).toMatchObject({
        path: TransportPath.FAST_PATH,
        liveLeases: 0,
      });
    });
  });
}

function keepAliveCases(subject: Subject): void {
  test("answers each batch in order, and one bad renewal spoils no other", async () => {
    const held = await live(subject());
    const pending = await leased(subject());
    const named = { sessionId: sessionOf(held), controllerToken: held.controllerToken };
    const batches = [
      {
        renewals: [
          named,
          { ...named, ttl: { seconds: 0n } },
          { ...named, controllerToken: "never given out" },
          { ...named, sessionId: "not-known" },
          { sessionId: sessionOf(pending), controllerToken: pending.controllerToken },
        ],
      },
      { renewals: [] },
      { renewals: [named] },
    ];
    const answers = await takeUntil(
      subject().clients.lease.keepAlive(streamOf(batches)),
      (seen) => seen.length === batches.length,
    );
    expect(answers.map(({ results }) => results.length)).toEqual([5, 0, 1]);
    expect(answers[0]?.results).toMatchObject([
      {
        sessionId: named.sessionId,
        handshakeKind: HandshakeKind.REFRESH,
        generation: ofPromotion,
        path: TransportPath.FAST_PATH,
        refusal: "",
      },
      {
        sessionId: named.sessionId,
        refusal: "FIELD_INVALID",
        detail: expect.stringContaining("ttl"),
      },
      { refusal: "LEASE_NOT_LIVE", endedBy: "unknown", path: TransportPath.UNSPECIFIED },
      { sessionId: "not-known", refusal: "SESSION_UNKNOWN", endedBy: "" },
      {
        handshakeKind: HandshakeKind.RENEGOTIATE,
        joined: true,
        offer: { handshakeId: pending.offer?.handshakeId },
      },
    ]);
    expect(answers[0]?.results[0]?.expiresIn).toBeDefined();
    expect(answers[0]?.results[1]?.expiresAt).toBeUndefined();
  });

  test("ends the stream for a batch above the limit", async () => {
    const named = { sessionId: "s", controllerToken: "t" };
    const batches = [{ renewals: Array.from({ length: 1001 }, () => named) }];
    const call = takeUntil(subject().clients.lease.keepAlive(streamOf(batches)), () => false);
    expect(await refusalOf(call)).toMatchObject({
      code: "InvalidArgument",
      reason: "FIELD_INVALID",
      fields: ["renewals"],
    });
  });
}

async function* streamOf<T>(messages: readonly T[]): AsyncGenerator<T> {
  yield* messages;
}
