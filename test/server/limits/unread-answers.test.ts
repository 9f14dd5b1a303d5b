import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";

import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test, vi } from "vitest";

import { KeepAliveRequestSchema } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { ListSessionsRequestSchema } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import {
  type RunningService,
  type RunOptions,
  runService,
} from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { type GrpcEnd, grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const listSessions = "/beach.controller.v1.FastPathRegistry/ListSessions";
const keepAlive = "/beach.controller.v1.ControllerLease/KeepAlive";
const privateBeachId = "crowded";
const page = toBinary(
  ListSessionsRequestSchema,
  create(ListSessionsRequestSchema, { privateBeachId, pageSize: 1_000 }),
);

let service: RunningService;
afterEach(async () => {
  await vi.waitFor(async () => {
    expect(await figure("used", "unread_bytes")).toBe(0);
    expect(await figure("used", "connection_unread_bytes")).toBe(0);
  }, patient);
  await service[Symbol.asyncDispose]();
});

async function run(sessions: number, options: RunOptions = {}): Promise<void> {
  service = await runService({ env: { LEASE_LOG_LEVEL: "warn" }, ...options });
  const attaching = Array.from({ length: sessions }, (_, index) =>
    service.registry.attachSession({ sessionId: `session-${index}`, privateBeachId }),
  );
  await Promise.all(attaching);
}

test("a page is made in parts, with turns for others between", async () => {
  await run(200);
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  const before = turns;
  setImmediate(turn);
  const answer = await service.registry.listSessions({ privateBeachId, pageSize: 200 });
  isOver = true;
  expect(answer.sessions).toHaveLength(200);
  expect(turns - before).toBeGreaterThan(9);
});

describe("large answers that nobody reads", () => {
  test("are bounded over gRPC, and over the process", async () => {
    await run(300, { budgets: { unread_bytes: 40_000 } });
    const blind = connectHttp2(`http://${service.addresses.grpc}`, {
      settings: { initialWindowSize: 1 },
    });
    const stream = blind.request({
      ":method": "POST",
      ":path": listSessions,
      "content-type": "application/grpc",
    });
    stream.on("error", () => undefined);
    stream.end(enveloped(page));
    await once(stream, "response");
    const held = await figure("used", "unread_bytes");
    expect(held).toBeGreaterThan(20_000);
    using raw = new RawHttp2(service.addresses.grpc);
    expect(await listed(raw)).toMatchObject(tooMany("unread_bytes"));
    const web = await fetch(service.httpUrl(listSessions), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ privateBeachId, pageSize: 1_000 }),
    });
    expect([web.status, await web.text()]).toEqual([429, expect.stringContaining("TOO_MANY")]);
    expect(await figure("used", "unread_bytes")).toBe(held);
    blind.destroy();
    await vi.waitFor(async () => expect(await figure("used", "unread_bytes")).toBe(0), patient);
    expect(await listed(raw)).toMatchObject({ status: "0" });
  });

  test("of one stream end it, and its connection stays open", async () => {
    await run(0, { budgets: { connection_unread_bytes: 200_000 } });
    const session = connectHttp2(`http://${service.addresses.grpc}`);
    session.on("error", () => undefined);
    const stream = session.request({
      ":method": "POST",
      ":path": keepAlive,
      "content-type": "application/grpc",
    });
    const renewals = Array.from({ length: 1_000 }, () => ({
      sessionId: "n",
      controllerToken: "t",
    }));
    const batch = toBinary(KeepAliveRequestSchema, create(KeepAliveRequestSchema, { renewals }));
    for (let count = 0; count < 10; count += 1) stream.write(enveloped(batch));
    await vi.waitFor(
      async () => expect(await figure("refusals_total", "connection_unread_bytes")).toBe(1),
      patient,
    );
    const end: GrpcEnd = await grpcEnd(stream);
    expect(end).toMatchObject(tooMany("connection_unread_bytes"));
    session.destroy();
  });

  test("are given up in time over gRPC", async () => {
    await run(100, { budgets: { unread_ms: 120 } });
    const session = connectHttp2(`http://${service.addresses.grpc}`, {
      settings: { initialWindowSize: 1 },
    });
    const stream = session.request({
      ":method": "POST",
      ":path": listSessions,
      "content-type": "application/grpc",
    });
    stream.on("error", () => undefined);
    stream.end(enveloped(page));
    await new Promise((resolve) => stream.once("close", resolve));
    expect(stream.rstCode).toBe(7);
    expect(await figure("refusals_total", "unread_ms")).toBe(1);
    session.destroy();
  });

  test("are given up in time over HTTP/1.1, with their connection", async () => {
    await run(1_000, { budgets: { unread_ms: 120 } });
    const socket = await open();
    socket.pause();
    const body = JSON.stringify({ privateBeachId, pageSize: 1_000 });
    const head = `POST ${listSessions} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n`;
    socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`.repeat(60));
    await vi.waitFor(
      async () => expect(await figure("refusals_total", "unread_ms")).toBe(1),
      patient,
    );
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    await closed;
  });
});

test("calls behind one another on a connection are begun one by one, and all answered", async () => {
  await run(0);
  const socket = await open();
  let answers = "";
  socket.on("data", (data) => {
    answers += data.toString();
  });
  const call = (id: number): string =>
    `DELETE /sessions/s${id}/controller/lease?controller_token=t HTTP/1.1\r\nhost: h\r\n\r\n`;
  const calls = Array.from({ length: 500 }, (_, id) => call(id));
  socket.write(calls.join(""));
  const answered = (): number => answers.split("HTTP/1.1 404").length - 1;
  await vi.waitFor(() => expect(answered()).toBe(500), patient);
  expect(await figure("refusals_total", "queued_calls")).toBeGreaterThan(0);
  socket.write(call(500));
  await vi.waitFor(() => expect(answered()).toBe(501), patient);
  socket.destroy();
});

function listed(raw: RawHttp2): Promise<GrpcEnd> {
  const stream = raw.open(listSessions);
  stream.end(enveloped(page));
  return grpcEnd(stream);
}

function tooMany(what: string): Partial<GrpcEnd> {
  return { status: "8", reason: "TOO_MANY", what, hasRetryInfo: true };
}

async function open(): Promise<Socket> {
  const [host = "", port = ""] = service.addresses.http.split(":");
  const socket = connect(Number(port), host);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

async function figure(of: string, budget: string): Promise<number> {
  const text = await (await fetch(service.opsUrl("/metrics"))).text();
  const start = `lease_budget_${of}{budget="${budget}"} `;
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(start))
      ?.slice(start.length),
  );
}
