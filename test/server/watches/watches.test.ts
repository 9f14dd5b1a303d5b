import { connect, type Socket } from "node:net";

import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { describe, expect, test, vi } from "vitest";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { refusalOf, takeUntil } from "../../api/expect-refusal.ts";
import { enveloped } from "../../support/network/enveloped.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { ChangingSessions } from "./changing-sessions.ts";

const path = `/${ControllerLease.typeName}/WatchTransport`;
const ways = ["gRPC", "Connect", "Connect with JSON", "gRPC-Web"] as const;

describe.each(ways)("watches over %s", (way) => {
  test("show one change after the other, and end on request", async () => {
    await using service = await runService();
    const sessions = new ChangingSessions(service);
    await sessions.attach("s1", "beach");
    const lease = service.client(ControllerLease, transportOf(service, way));
    const changes = 20;
    const seen: bigint[] = [];
    let counted = 0;
    let changed = Promise.resolve();
    const read = async (): Promise<void> => {
      for await (const { event, coalesced } of lease.watchTransport({ sessionIds: ["s1"] })) {
        if (event.case === "draining") expect(event.value.reconnectAfter).toBeDefined();
        if (event.case !== "state") continue;
        seen.push(event.value.version);
        counted += 1 + coalesced;
        if (counted > changes) void service.drain();
        else changed = changed.then(() => sessions.change("s1")).catch(() => undefined);
      }
    };
    expect(await refusalOf(read())).toMatchObject({ code: "Unavailable" });
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => Number(a - b)));
    expect(counted).toBeGreaterThan(changes);
  });

  test("are refused where there is no room, with when to try again", async () => {
    await using service = await runService({ budgets: { watched_names: 4, watch_streams: 2 } });
    const lease = service.client(ControllerLease, transportOf(service, way));
    const leave = new AbortController();
    const { signal } = leave;
    const first = lease.watchTransport({ sessionIds: ["a", "b"] }, { signal });
    await first[Symbol.asyncIterator]().next();
    const watch = (ids: readonly string[]): Promise<unknown> =>
      takeUntil(lease.watchTransport({ sessionIds: [...ids] }), () => true);
    expect(await refusalOf(watch(["c", "d", "e"]))).toMatchObject({
      code: "ResourceExhausted",
      reason: "TOO_MANY",
      metadata: { what: "watched_names" },
      retryable: true,
    });
    const second = lease.watchTransport({ sessionIds: ["c"] }, { signal });
    await second[Symbol.asyncIterator]().next();
    expect(await refusalOf(watch(["d"]))).toMatchObject({ metadata: { what: "watch_streams" } });
    leave.abort();
    await vi.waitFor(async () => expect(await watch(["c", "d", "e"])).toHaveLength(1), patient);
  });
});

test("the watches of one gRPC connection share what it may have, and leave others theirs", async () => {
  await using service = await runService({ budgets: { connection_watched_names: 3 } });
  const watch = (ids: readonly string[]): Promise<unknown> =>
    takeUntil(service.lease.watchTransport({ sessionIds: [...ids] }), () => true);
  const leave = new AbortController();
  const open = service.lease.watchTransport({ sessionIds: ["a", "b"] }, { signal: leave.signal });
  await open[Symbol.asyncIterator]().next();
  expect(await refusalOf(watch(["c", "d"]))).toMatchObject({
    reason: "TOO_MANY",
    metadata: { what: "connection_watched_names" },
  });
  const other = service.client(ControllerLease, service.connect);
  const overHttp = other.watchTransport({ sessionIds: ["a", "b", "c"] });
  expect(await takeUntil(overHttp, () => true)).toHaveLength(1);
  leave.abort();
});

test("a client of HTTP/1.0 gets the same messages, in no chunks", async () => {
  await using service = await runService();
  const sessions = new ChangingSessions(service);
  await sessions.attach("s1", "beach");
  const socket = connect(portOf(service));
  const received = collect(socket);
  const request = enveloped(Buffer.from(JSON.stringify({ sessionIds: ["s1"] })));
  socket.write(
    `POST ${path} HTTP/1.0\r\nhost: beach.example\r\ncontent-type: application/connect+json\r\n` +
      `content-length: ${request.length}\r\n\r\n`,
  );
  socket.write(request);
  for (let change = 1; change <= 3; change++) {
    await vi.waitFor(() => expect(states(received())).toBe(change), patient);
    await sessions.change("s1");
  }
  await vi.waitFor(() => expect(states(received())).toBe(4), patient);
  const [head = "", body = ""] = received().toString("latin1").split("\r\n\r\n");
  expect(head).toMatch(/^HTTP\/1\.1 200/);
  expect(head).not.toMatch(/transfer-encoding/i);
  expect(messagesIn(Buffer.from(body, "latin1"))).toContainEqual({ bookmark: expect.anything() });
  socket.destroy();
});

function transportOf(service: RunningService, way: (typeof ways)[number]): Transport {
  switch (way) {
    case "gRPC":
      return service.grpc;
    case "Connect":
      return service.connect;
    case "gRPC-Web":
      return service.grpcWeb;
    case "Connect with JSON":
      return createConnectTransport({
        baseUrl: service.httpUrl(""),
        httpVersion: "1.1",
        useBinaryFormat: false,
      });
  }
}

function portOf({ addresses }: RunningService): number {
  return Number(new URL(`http://${addresses.http}`).port);
}

function collect(socket: Socket): () => Buffer {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  return () => Buffer.concat(chunks);
}

function states(received: Buffer): number {
  return received.toString("latin1").split('{"state"').length - 1;
}

/** What is in the envelopes, one right after the other. */
function messagesIn(body: Buffer): unknown[] {
  const messages: unknown[] = [];
  for (let from = 0; from + 5 <= body.length; ) {
    const end = from + 5 + body.readUInt32BE(from + 1);
    messages.push(JSON.parse(body.toString("utf8", from + 5, end)));
    from = end;
  }
  return messages;
}
