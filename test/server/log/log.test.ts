import { expect, test } from "vitest";
import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import type { ReportTransportResponse } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { ConnectionState } from "../../../src/gen/beach/controller/v1/transport_pb.js";
import { createLogger } from "../../../src/observe/log/logger.ts";
import { createMetrics } from "../../../src/observe/metrics/metrics.ts";
import { observeEvents } from "../../../src/observe/observe-events.ts";
import { systemClock } from "../../../src/service/time/clock.ts";
import { beach, readyReport } from "../../api/conformance/conformance-subject.ts";
import { type LogLine, runService } from "../../support/process/run-service.ts";
import { breakSession } from "../../support/service/broken-session.ts";
import { storeFolder } from "../../support/store/store-files.ts";
import { insertion, sessionRecord } from "../../support/store/store-records.ts";

const passcode = "passcode-nobody-may-read";
const bearer = "bearer-nobody-may-read";

test("no token, passcode or bearer is in any line, at any level", async () => {
  await using service = await runService({ env: { LEASE_LOG_LEVEL: "trace" } });
  const headers = { authorization: `Bearer ${bearer}` };
  const asked = { sessionId: "s1", privateBeachId: beach, passcode };
  const { controllerToken, offer } = await service.lease.acquire(asked, { headers });
  const named = { sessionId: "s1", controllerToken };
  await service.registry.reportTransport({
    reports: [readyReport("s1", offer?.handshakeId ?? "")],
  });
  const wrongToken = "token-nobody-may-read";
  const web = service.client(ControllerLease, service.connect);
  await web.renew(named, { headers });
  await web.renew({ ...named, controllerToken: wrongToken }, { headers }).catch(() => undefined);
  for (const body of [
    { passcode, requester_private_beach_id: beach },
    `{"passcode":"${passcode}`,
  ]) {
    await fetch(service.httpUrl("/sessions/s1/controller-handshake"), {
      method: "POST",
      headers,
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  }
  const inQuery = `/sessions/s1/controller/lease?controller_token=${controllerToken}`;
  await fetch(service.httpUrl(inQuery), { method: "DELETE" });
  await service.registry.detachSession({ sessionId: "s1" });
  await service.drain();

  const whole = service.log.map((line) => JSON.stringify(line)).join("\n");
  expect(whole).toContain("lease granted");
  for (const secret of [controllerToken, wrongToken, passcode, bearer]) {
    expect(whole).not.toContain(secret);
  }
});

test("each change of a transport is logged once: from what, to what, why, and between which ends", async () => {
  await using service = await runService({ env: { LEASE_LOG_LEVEL: "info" } });
  const asked = { sessionId: "s1", privateBeachId: beach, passcode };
  const { offer } = await service.lease.acquire(asked);
  const handshakeId = offer?.handshakeId ?? "";
  const report = (
    connection: ConnectionState,
    sequence: bigint,
  ): Promise<ReportTransportResponse> =>
    service.registry.reportTransport({
      reports: [readyReport("s1", handshakeId, { connection, sequence })],
    });
  const { verdicts } = await report(ConnectionState.CONNECTED, 1n);
  const generation = Number(verdicts[0]?.generation);
  await report(ConnectionState.CONNECTED, 2n);
  await report(ConnectionState.FAILED, 3n);
  await report(ConnectionState.FAILED, 4n);

  const ended = (line: LogLine): boolean => line.session === "s1";
  expect(service.log.filter(ended)).toMatchObject([
    { msg: "session attached", beach },
    { msg: "handshake started", handshake: handshakeId, attempt: 1, cause: "acquired" },
    {
      level: "info",
      msg: "handshake promoted",
      cause: "confirmed",
      previous: { path: "pending", generation: 0, in_flight: handshakeId },
      next: { path: "fast_path", generation, health: "healthy", handshake: handshakeId },
      manager_transport: "peer-1",
    },
    {
      level: "warn",
      msg: "transport health changed",
      from: "healthy",
      to: "lost",
      cause: "connection_closed",
      previous: { path: "fast_path", generation },
      next: { path: "http_fallback", generation, health: "lost" },
      manager_transport: "peer-1",
    },
  ]);
});

test("renewals and reports add nothing to a log at info", async () => {
  await using service = await runService({ env: { LEASE_LOG_LEVEL: "info" } });
  const asked = { sessionId: "s1", privateBeachId: beach, passcode };
  const { controllerToken, offer } = await service.lease.acquire(asked);
  const report = readyReport("s1", offer?.handshakeId ?? "");
  await service.registry.reportTransport({ reports: [report] });
  const before = service.log.length;
  for (let renewal = 0; renewal < 20; renewal += 1) {
    await service.lease.renew({ sessionId: "s1", controllerToken });
    await service.registry.reportTransport({ reports: [report] });
  }
  expect(service.log).toHaveLength(before);
});

test("a bug that one report of a batch meets is logged once, with its session", async () => {
  await using folder = await storeFolder();
  {
    await using store = await folder.open();
    const now = systemClock().now();
    await store.commit(insertion(sessionRecord({ id: "bad", activeAt: now })));
    await breakSession(store, "bad", undefined);
  }
  await using service = await runService({ store: { path: folder.storePath } });
  await service.registry.attachSession({ sessionId: "good", privateBeachId: beach });
  const { verdicts } = await service.registry.reportTransport({
    // Of a handshake that is never adopted: one that is would push the surplus unrecognised ones out.
    reports: ["bad", "good"].map((id) => readyReport(id, "ffffffff-ffff-7fff-bfff-ffffffffffff")),
  });
  expect(verdicts).toMatchObject([{ refusal: "INTERNAL" }, { refusal: "" }]);
  const troubles = service.log.filter(({ level }) => level === "error");
  expect(troubles).toMatchObject([{ msg: "internal error", where: "batch", session: "bad" }]);
});

test("trouble is logged once, with its session", () => {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const metrics = createMetrics();
  const observe = observeEvents(createLogger("info", { kind: "stream", stream }), metrics);
  observe({ kind: "failed", where: "deadlines", sessionId: "s1", error: new Error("two of one") });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { msg: "internal error", where: "deadlines", session: "s1", err: { message: "two of one" } },
  ]);
});

test("a log that fails takes nothing with it", () => {
  const stream = {
    write: () => {
      throw new Error("the disk is full");
    },
  };
  const log = createLogger("trace", { kind: "stream", stream });
  const observe = observeEvents(log, createMetrics());
  expect(() => observe({ kind: "failed", where: "store", error: new Error("x") })).not.toThrow();
  const watch = {
    kind: "watch",
    change: "opened",
    open: 1,
    door: "public",
    reader: "host",
  } as const;
  expect(() => observe(watch)).not.toThrow();
});
