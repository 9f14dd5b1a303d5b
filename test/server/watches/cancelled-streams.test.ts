import { once } from "node:events";
import { connect } from "node:net";

import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";

import type { KeepAliveRequestSchema } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { createLogger } from "../../../src/observe/log/logger.ts";
import { observeLostConnections } from "../../../src/observe/lost-connections.ts";
import { createMetrics } from "../../../src/observe/metrics/metrics.ts";
import { runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { byLength } from "../../support/runs/test-length.ts";

/** More than the 1000 that Node takes from one connection by default. */
const cancelled = byLength({ short: 1_400, long: 2_980 });

/** How a client of HTTP/2 begins. */
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const asked = { sessionId: "s1", privateBeachId: "b", passcode: "1" };

test("thousands of streams cancelled at once disturb no other stream of the connection", async () => {
  await using service = await runService({ env: { LEASE_LOG_LEVEL: "info" } });
  const { controllerToken } = await service.lease.acquire(asked);
  const leave = new AbortController();
  const cancel = new AbortController();

  let renewNext: (() => void) | undefined;
  async function* renewals(): AsyncGenerator<MessageInitShape<typeof KeepAliveRequestSchema>> {
    while (!leave.signal.aborted) {
      yield { renewals: [{ sessionId: "s1", controllerToken }] };
      await new Promise<void>((resolve) => {
        renewNext = resolve;
        leave.signal.addEventListener("abort", () => resolve());
      });
    }
  }
  const answers = service.lease
    .keepAlive(renewals(), { signal: leave.signal })
    [Symbol.asyncIterator]();
  expect((await answers.next()).done).toBe(false);

  const ended: unknown[] = [];
  const watch = async (signal: AbortSignal, begin: () => void): Promise<void> => {
    const events = service.lease.watchTransport({ sessionIds: ["s1"] }, { signal });
    for await (const { event } of events) if (event.case === "bookmark") begin();
  };
  const open = (signal: AbortSignal): Promise<void> =>
    new Promise((begin, reject) => {
      watch(signal, begin).catch((why: unknown) => {
        if (!signal.aborted) ended.push(why);
        reject(why);
      });
    });
  const kept = Array.from({ length: 20 }, () => open(leave.signal));
  const given = Array.from({ length: cancelled }, () => open(cancel.signal));
  await Promise.all([...kept, ...given]);

  cancel.abort();
  for (let renewal = 0; renewal < 3; renewal += 1) {
    renewNext?.();
    expect((await answers.next()).value?.results).toHaveLength(1);
  }
  expect(ended).toEqual([]);
  leave.abort();
});

test("a connection that HTTP/2 ends by itself is logged and counted", async () => {
  await using service = await runService({ env: { LEASE_LOG_LEVEL: "info" } });
  const [host, port] = service.addresses.grpc.split(":");
  const socket = connect(Number(port), host);
  // DATA on stream 0, which no peer may send.
  const badFrame = Buffer.from([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  socket.write(Buffer.concat([Buffer.from(preface), settings, badFrame]));
  socket.resume();
  await once(socket, "close");
  const line = { level: "warn", door: "internal", cause: "transport_error", connections: 1 };
  await vi.waitFor(() => {
    const lines = service.log.filter(({ msg }) => msg === "connection ended by the service");
    expect(lines).toMatchObject([line]);
  }, patient);
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  expect(metrics).toContain(
    'lease_connections_lost_total{door="internal",cause="transport_error"} 1\n',
  );
});

test("many connections that are ended make few lines", () => {
  const lines: Record<string, unknown>[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  let now = 0;
  const log = createLogger("info", { kind: "stream", stream });
  const observe = observeLostConnections(log, createMetrics(), () => now);
  const lost = { door: "public", cause: "door_full", detail: "x" } as const;
  for (now = 0; now < 20_000; now += 100) observe(lost);
  observe({ ...lost, door: "ops" });
  expect(lines.map(({ door, connections }) => [door, connections])).toEqual([
    ["public", 1],
    ["public", 100],
    ["ops", 1],
  ]);
});
