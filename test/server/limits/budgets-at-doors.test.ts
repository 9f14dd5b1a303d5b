import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";

import { afterEach, expect, test, vi } from "vitest";

import type { BudgetLimits } from "../../../src/budget/budgets.ts";
import { enveloped } from "../../support/network/enveloped.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";
const oldRoute = "/sessions/s/controller-handshake";

let service: RunningService;
afterEach(() => service[Symbol.asyncDispose]());

async function run(budgets: BudgetLimits): Promise<void> {
  service = await runService({ budgets, env: { LEASE_LOG_LEVEL: "warn" } });
}

test("a refusal of the HTTP parser is counted under its budget", async () => {
  await run({ request_ms: 100, header_bytes: 2_000 });
  const long = connect(portOf(service.addresses.ops));
  long.write(`GET / HTTP/1.1\r\nhost: h\r\nx: ${"v".repeat(3_000)}\r\n\r\n`);
  expect(await text(long)).toContain("at most 2000 bytes");
  const slow = connect(portOf(service.addresses.http));
  slow.write("GET / HTTP/1.1\r\n");
  expect(await text(slow)).toContain("within 100 ms");
  expect(await refused("header_bytes")).toBe(1);
  expect(await refused("request_ms")).toBe(1);
});

test("a body of an old route is refused beyond its limit, and counted", async () => {
  await run({ legacy_body_bytes: 500 });
  const answer = await post(oldRoute, JSON.stringify({ passcode: "p".repeat(600) }));
  expect([answer.status, await answer.text()]).toEqual([413, expect.stringContaining("500 bytes")]);
  expect(await refused("legacy_body_bytes")).toBe(1);
});

test("bodies of old routes count against the budget of requests while they arrive", async () => {
  await run({ request_bytes: 1_000 });
  const slow = connect(portOf(service.addresses.http));
  slow.write(`POST ${oldRoute} HTTP/1.1\r\nhost: h\r\ncontent-length: 900\r\n\r\n{`);
  await vi.waitFor(async () => expect(await used("request_bytes")).toBe(900), patient);
  const answer = await post(oldRoute, JSON.stringify({ passcode: "p".repeat(200) }));
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "1"]);
  expect(await answer.json()).toMatchObject({ error: "too_many_requests" });
  slow.destroy();
  await vi.waitFor(async () => expect(await used("request_bytes")).toBe(0), patient);
  expect((await post(oldRoute, JSON.stringify({ passcode: "p" }))).status).not.toBe(429);
});

test("unread answers of any route are kept, and given up beyond their budget", async () => {
  await run({ connection_unread_bytes: 10_000 });
  const socket = await readNoMetrics();
  await vi.waitFor(async () => expect(await refused("connection_unread_bytes")).toBe(1), patient);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();
  await closed;
  expect(await used("connection_unread_bytes")).toBe(0);
});

test("a connection over gRPC may have as many calls open as are left for others", async () => {
  await run({ open_calls: 10 });
  using greedy = new RawHttp2(service.addresses.grpc);
  const streams = Array.from({ length: 6 }, () => greedy.open(renew));
  const refusal = await Promise.race(streams.map(grpcEnd));
  expect(refusal).toMatchObject({
    status: "8",
    reason: "TOO_MANY",
    what: "open_calls",
    hasRetryInfo: true,
  });
  expect(await used("open_calls")).toBe(5);
  using calm = new RawHttp2(service.addresses.grpc);
  const stream = calm.open(renew);
  stream.end(enveloped(Buffer.alloc(0)));
  expect(await grpcEnd(stream)).toMatchObject({ status: "3" });
  greedy.session.destroy();
  await vi.waitFor(async () => expect(await used("open_calls")).toBe(0), patient);
});

test("a connection over gRPC may hold as many bytes of headers as are left for others", async () => {
  await run({ open_header_bytes: 20_000 });
  using greedy = new RawHttp2(service.addresses.grpc);
  const wide = { "x-wide": "v".repeat(9_000) };
  const first = greedy.open(renew, wide);
  const refusal = await grpcEnd(greedy.open(renew, wide));
  expect(refusal).toMatchObject({
    status: "8",
    reason: "TOO_MANY",
    what: "open_header_bytes",
    hasRetryInfo: true,
  });
  expect(await used("open_header_bytes")).toBeGreaterThan(9_000);
  using calm = new RawHttp2(service.addresses.grpc);
  const stream = calm.open(renew);
  stream.end(enveloped(Buffer.alloc(0)));
  expect(await grpcEnd(stream)).toMatchObject({ status: "3" });
  first.close(8);
  await vi.waitFor(async () => expect(await used("open_header_bytes")).toBe(0), patient);
  const again = greedy.open(renew, wide);
  again.end(enveloped(Buffer.alloc(0)));
  expect(await grpcEnd(again)).toMatchObject({ status: "3" });
});

test("resets of an address show as used until they are returned", async () => {
  await run({ address_resets: 100 });
  using raw = new RawHttp2(service.addresses.grpc);
  await once(raw.session, "connect");
  for (let count = 0; count < 20; count += 1) raw.open(renew).close(8);
  await vi.waitFor(async () => expect(await used("address_resets")).toBeGreaterThan(0), patient);
  await vi.waitFor(async () => expect(await used("address_resets")).toBe(0), patient);
});

test("an answer of the ops door that nobody reads holds up no drain", async () => {
  await run({});
  const socket = await readNoMetrics();
  await vi.waitFor(async () => expect(await used("unread_bytes")).toBeGreaterThan(0), patient);
  await service.drain();
  socket.destroy();
});

/** Asks for so many answers of the ops door that some have to wait for their reader. */
async function readNoMetrics(): Promise<Socket> {
  const socket = connect(portOf(service.addresses.ops));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.pause();
  socket.write("GET /metrics HTTP/1.1\r\nhost: h\r\n\r\n".repeat(1_000));
  return socket;
}

function post(path: string, body: string): Promise<Response> {
  return fetch(service.httpUrl(path), { method: "POST", body });
}

function portOf(address: string): number {
  return Number(address.split(":").at(-1));
}

const used = (budget: string): Promise<number> => figure("used", budget);
const refused = (budget: string): Promise<number> => figure("refusals_total", budget);

async function figure(of: string, budget: string): Promise<number> {
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  const start = `lease_budget_${of}{budget="${budget}"} `;
  const line = metrics.split("\n").find((one) => one.startsWith(start));
  return Number(line?.slice(start.length));
}
