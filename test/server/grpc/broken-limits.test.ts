import { expect, test, vi } from "vitest";

import { Outcomes } from "../../hostile/tools/outcomes.ts";
import {
  flags,
  frame,
  frames,
  grpcHead,
  hpackText,
  RawHttp2 as RawFrames,
  uint32,
} from "../../hostile/tools/raw-http2.ts";
import { hasOpenssl } from "../../support/network/certificates.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { runSecure } from "../tls/secure-service.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";

interface Caller extends Disposable {
  readonly connection: RawFrames;
  readonly outcomes: Outcomes;
}

async function connected({ addresses }: RunningService, address = addresses.grpc): Promise<Caller> {
  const outcomes = new Outcomes();
  const leaving = new AbortController();
  const context = { outcomes, signal: leaving.signal };
  const connection = await RawFrames.open(address, context);
  return {
    connection,
    outcomes,
    [Symbol.dispose]() {
      connection[Symbol.dispose]();
      leaving.abort();
    },
  };
}

async function isServed(service: RunningService): Promise<boolean> {
  const call = service.lease.renew({ sessionId: "n", controllerToken: "t" });
  return await call.then(
    () => false,
    (error: unknown) => String(error).includes("no such session"),
  );
}

/** More come with one read than a connection may bring in a second, however slowly the next is read. */
const manySmall = 10_000;

/** A call whose message comes a byte at a time. */
function inSmallFrames(stream: number, count: number): Buffer {
  const byte = frame(frames.data, 0, stream, Buffer.of(0x0a));
  return Buffer.concat([
    frame(frames.headers, flags.endHeaders, stream, grpcHead(renew)),
    frame(frames.data, 0, stream, Buffer.of(0, 0, 0x10, 0, 0)),
    ...Array.from({ length: count }, () => byte),
  ]);
}

test("a connection that brings a message in single bytes is closed; others are served", async () => {
  await using service = await runService();
  expect(await isServed(service)).toBe(true);
  using modest = await connected(service);
  using hasty = await connected(service);
  await modest.connection.send(inSmallFrames(modest.connection.nextStream(), 100));
  await hasty.connection.send(inSmallFrames(hasty.connection.nextStream(), manySmall));
  await vi.waitFor(() => expect(hasty.connection.isOpen).toBe(false), patient);
  expect(hasty.outcomes.counts).toHaveProperty("GOAWAY ENHANCE_YOUR_CALM");
  expect(modest.connection.isOpen).toBe(true);
  expect(await isServed(service)).toBe(true);
});

test.skipIf(!hasOpenssl)(
  "frames of single bytes count over all calls of a connection, also at the public door",
  async () => {
    await using service = await runSecure();
    using hasty = await connected(service, service.httpUrl(""));
    const streams = Array.from({ length: 50 }, () => hasty.connection.nextStream());
    const each = manySmall / streams.length;
    const calls = streams.map((stream) => inSmallFrames(stream, each));
    await hasty.connection.send(Buffer.concat(calls));
    await vi.waitFor(() => expect(hasty.connection.isOpen).toBe(false), patient);
    expect(hasty.outcomes.counts).toHaveProperty("GOAWAY ENHANCE_YOUR_CALM");
    expect(await service.figure("refusals_total", "small_chunks")).toBe(1);
  },
);

const controls = [
  ["SETTINGS", frame(frames.settings, 0, 0, Buffer.concat([Buffer.of(0, 4), uint32(100_000)]))],
  // NO_ERROR, and the last stream that is taken.
  ["GOAWAY", frame(frames.goAway, 0, 0, Buffer.concat([uint32(1_000), uint32(0)]))],
] as const;

test.for(controls)("a connection that brings many %s is closed amid them", async ([, bytes]) => {
  await using service = await runService();
  using modest = await connected(service);
  using hasty = await connected(service);
  const head = grpcHead("/beach.controller.v1.ControllerLease/KeepAlive");
  for (const { connection } of [modest, hasty]) {
    await connection.send(frame(frames.headers, flags.endHeaders, connection.nextStream(), head));
  }
  const sent = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes));
  await modest.connection.send(sent(20));
  await hasty.connection.send(sent(500));
  await vi.waitFor(() => expect(hasty.connection.isOpen).toBe(false), patient);
  expect(hasty.outcomes.counts).toHaveProperty("GOAWAY ENHANCE_YOUR_CALM");
  // The first one beyond the limit ends it: those behind are not counted any more.
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  expect(metrics).toContain('lease_budget_refusals_total{budget="control_frames"} 1\n');
  expect(modest.connection.isOpen).toBe(true);
});

/** A field that the table of a connection keeps, so that a byte names it (RFC 7541 §6.2.1). */
const kept = Buffer.concat([Buffer.of(0x40), hpackText("x-large"), hpackText("v".repeat(3_900))]);
const named = 0x80 | 62;
const whole = flags.endHeaders | flags.endStream;

/** Streams of 15 bytes, each with headers of 23 kB. */
function withLargeHeaders({ connection }: Caller, count: number): Buffer {
  const block = Buffer.alloc(6, named);
  const streams = Array.from({ length: count }, () =>
    frame(frames.headers, whole, connection.nextStream(), block),
  );
  return Buffer.concat(streams);
}

/** Has the connection know that field, and the limit of headers. */
async function prepared(caller: Caller): Promise<void> {
  const { connection, outcomes } = caller;
  const head = Buffer.concat([grpcHead(renew), kept]);
  await connection.send(frame(frames.headers, whole, connection.nextStream(), head));
  await vi.waitFor(() => expect(outcomes.counts).toHaveProperty("answered"), patient);
}

function refusedTo({ outcomes }: Caller): number {
  return outcomes.counts["RST ENHANCE_YOUR_CALM"] ?? 0;
}

/** What one read of a connection may bring. */
const streamsOfRead = Math.ceil(65_536 / 15);

async function closesWhereMuchIsRefused(service: RunningService, address: string): Promise<void> {
  using modest = await connected(service, address);
  using greedy = await connected(service, address);
  await prepared(modest);
  await prepared(greedy);
  await modest.connection.send(withLargeHeaders(modest, 90));
  await vi.waitFor(() => expect(refusedTo(modest)).toBe(90), patient);
  await greedy.connection.send(withLargeHeaders(greedy, 3 * streamsOfRead));
  await vi.waitFor(() => expect(greedy.connection.isOpen).toBe(false), patient);
  expect(refusedTo(greedy)).toBeLessThanOrEqual(streamsOfRead);
  expect(modest.connection.isOpen).toBe(true);
}

test("a connection of which HTTP/2 refuses too many streams is read no further", async () => {
  await using service = await runService();
  expect(await isServed(service)).toBe(true);
  await closesWhereMuchIsRefused(service, service.addresses.grpc);
  expect(await isServed(service)).toBe(true);
});

test("streams that HTTP/2 refuses count as resets of their address", async () => {
  const budgets = { address_resets: 1_000, refused_streams: 1_000_000 };
  await using service = await runService({ budgets });
  expect(await isServed(service)).toBe(true);
  using caller = await connected(service);
  await prepared(caller);
  await caller.connection.send(withLargeHeaders(caller, 2_000));
  await vi.waitFor(() => expect(caller.connection.isOpen).toBe(false), patient);
  expect(await isServed(service)).toBe(true);
});

test("a caller that breaks limits on one connection after another has to wait", async () => {
  await using service = await runService({ budgets: { address_resets: 1_000 } });
  expect(await isServed(service)).toBe(true);
  // The more time passes between two of them, the more is forgiven meanwhile.
  await vi.waitUntil(async () => {
    using caller = await connected(service);
    void caller.connection.send(inSmallFrames(caller.connection.nextStream(), manySmall));
    await vi.waitFor(() => expect(caller.connection.isOpen).toBe(false), patient);
    return !(await isServedAnew(service));
  }, patient);
  // Whoever was there before is served on.
  expect(await isServed(service)).toBe(true);
});

/** Whether a call is answered that comes on another connection from there. */
async function isServedAnew(service: RunningService): Promise<boolean> {
  using next = await connected(service);
  const call = frame(frames.headers, whole, next.connection.nextStream(), grpcHead(renew));
  await next.connection.send(call);
  const isAnswered = (): boolean => next.outcomes.counts.answered !== undefined;
  await vi.waitUntil(() => isAnswered() || !next.connection.isOpen, patient);
  return isAnswered();
}
