import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { StateSeen } from "../../src/demo/beach/messages.ts";
import { HandshakeKind } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  isState,
  lastBall,
  onFastPath,
  type SessionUnderTest,
  startSession,
} from "../support/process/beach-under-test.ts";
import { type SpawnedService, spawnService } from "../support/process/run-service.ts";

/** Far above the second or so that it takes, and far below what WebRTC would need by itself. */
const fallbackMsMax = 5_000;

let service: SpawnedService;

beforeAll(async () => {
  service = await spawnService();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

/** The state that the path has fallen back, as an end received it. */
async function fallbackAtHost(session: SessionUnderTest, from = 0): Promise<StateSeen> {
  const { host, sessionId } = session;
  return await host.when(
    (event): event is StateSeen =>
      isState(event, sessionId) && event.path === "HTTP_FALLBACK" && event.health === "LOST",
    { from },
  );
}

/** The host polls over HTTP again. */
async function pollerResumed({ host, sessionId }: SessionUnderTest): Promise<void> {
  await host.when(
    (event) => event.kind === "poller" && event.sessionId === sessionId && !event.paused,
  );
}

/** The next renewal starts a handshake, whose connection becomes the fast path. */
async function recovers(session: SessionUnderTest): Promise<void> {
  const { sessionId, controllerToken, beach } = session;
  const renewal = await service.lease.renew({ sessionId, controllerToken });
  expect(renewal.handshakeKind).toBe(HandshakeKind.RENEGOTIATE);
  expect(renewal.joined).toBe(false);
  const handshakeId = await onFastPath(session, 2);
  expect(handshakeId).toBe(renewal.offer?.handshakeId);
  const { applied, sent } = await lastBall(beach, sessionId);
  expect(applied.missing).toBe(0);
  expect(applied.lastApplied).toBe(sent.lastSent);
}

describe.concurrent("Genuine: a fast path that is really dead is replaced", () => {
  test("after the connection was closed", async () => {
    await using session = await startSession(service, { sessionId: "death-by-close" });
    const { beach, sessionId } = session;
    await onFastPath(session, 1);
    await beach.manager.ask({ kind: "kill", sessionId, death: "close" });
    // The close of a connection closes its channels: the host may see that first, and say so first.
    expect(["connection_closed", "channel_closed"]).toContain(
      (await fallbackAtHost(session)).reason,
    );
    await pollerResumed(session);
    await recovers(session);
  }, 60_000);

  test("after a required channel was closed", async () => {
    await using session = await startSession(service, {
      sessionId: "death-by-channel",
      door: "connect",
    });
    const { host, sessionId } = session;
    await onFastPath(session, 1);
    await host.ask({ kind: "kill", sessionId, death: "channel" });
    expect((await fallbackAtHost(session)).reason).toBe("channel_closed");
    await pollerResumed(session);
    await recovers(session);
  }, 60_000);

  test("after the host was killed, as soon as it runs again", async () => {
    await using session = await startSession(service, { sessionId: "death-by-kill" });
    const { beach, host } = session;
    await onFastPath(session, 1);
    host.signal("SIGKILL");
    await host.exited;
    await delay(2_000);
    await beach.restartHost(0);
    const restartedAt = performance.now();
    // WebRTC itself would need 13 to 29 s to notice: the restarted host's own word is the cause.
    expect((await fallbackAtHost(session)).reason).toBe("end_restarted");
    const tookMs = Math.round(performance.now() - restartedAt);
    process.stdout.write(`fallback ${tookMs} ms after the host's restart\n`);
    expect(tookMs).toBeLessThan(fallbackMsMax);
    await recovers(session);
  }, 60_000);

  test("after the host fell silent", async () => {
    await using session = await startSession(service, { sessionId: "death-by-silence" });
    const { beach, host, sessionId } = session;
    await onFastPath(session, 1);
    const from = host.events.length;
    host.signal("SIGSTOP");
    const lost = await beach.manager.when(
      (event): event is StateSeen => isState(event, sessionId) && event.path === "HTTP_FALLBACK",
    );
    expect(lost.reason).toBe("acks_stalled");
    const renewal = service.lease.renew({ sessionId, controllerToken: session.controllerToken });
    expect((await renewal).handshakeKind).toBe(HandshakeKind.RENEGOTIATE);
    host.signal("SIGCONT");
    await fallbackAtHost(session, from);
    await pollerResumed(session);
    expect(await onFastPath(session, 2)).toBe((await renewal).offer?.handshakeId);
    const { applied, sent } = await lastBall(beach, sessionId);
    expect(applied.missing).toBe(0);
    expect(applied.lastApplied).toBe(sent.lastSent);
  }, 60_000);
});
