import { expect, test, vi } from "vitest";

import { Outcomes } from "../../hostile/tools/outcomes.ts";
import {
  flags,
  frame,
  frames,
  grpcHead,
  hpackText,
  RawHttp2 as RawFrames,
} from "../../hostile/tools/raw-http2.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";

/** However busy the machine is. */
const patient = { timeout: 10_000 };

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
  await hasty.connection.send(inSmallFrames(hasty.connection.nextStream(), 1_500));
  await vi.waitFor(() => expect(hasty.connection.isOpen).toBe(false), patient);
  expect(hasty.outcomes.counts).toHaveProperty("GOAWAY ENHANCE_YOUR_CALM");
  expect(modest.connection.isOpen).toBe(true);
  expect(await isServed(service)).toBe(true);
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
  // On a slow machine the first of them may be forgiven before the last is broken.
  await vi.waitFor(async () => {
    for (let broken = 0; broken < 2; broken += 1) {
      using caller = await connected(service);
      await caller.connection.send(inSmallFrames(caller.connection.nextStream(), 1_500));
      await vi.waitFor(() => expect(caller.connection.isOpen).toBe(false), patient);
    }
    using next = await connected(service);
    await vi.waitFor(() => expect(next.connection.isOpen).toBe(false));
    expect(next.outcomes.counts).not.toHaveProperty("answered");
  }, 30_000);
  // Whoever was there before is served on.
  expect(await isServed(service)).toBe(true);
});
