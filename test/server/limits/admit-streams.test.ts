import { once } from "node:events";
import {
  type ClientSessionRequestOptions,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import { Arrivals } from "../../../src/server/connections/arrivals.ts";
import { ConnectionTurns } from "../../../src/server/connections/connection-turns.ts";
import { type Admission, admitStreams } from "../../../src/server/http2/admit-streams.ts";
import { OpenCalls } from "../../../src/server/http2/open-calls.ts";
import { ResetBudget } from "../../../src/server/http2/reset-budget.ts";
import { Outcomes } from "../../hostile/tools/outcomes.ts";
import { flags, frame, frames, grpcHead, RawHttp2, uint32 } from "../../hostile/tools/raw-http2.ts";
import { patient } from "../../support/runs/patient.ts";
import { RawHttp2 as ClientHttp2 } from "../raw/raw-http2.ts";

interface Admitting {
  readonly server: Http2Server;
  readonly budgets: Budgets;
  readonly resets: ResetBudget;
  readonly address: string;
}

/** A server of HTTP/2 that answers nothing. */
async function admitting(
  budgets = new Budgets(),
  changes: Partial<Admission> = {},
  server = createServer(),
): Promise<Admitting> {
  const resets = new ResetBudget(budgets);
  admitStreams(server, {
    budgets,
    arrivals: new Arrivals(async () => undefined),
    resets,
    turns: new ConnectionTurns(
      budgets,
      () => performance.now(),
      async () => undefined,
    ),
    calls: new OpenCalls(budgets, "open_calls"),
    refuses: () => false,
    refuseForCalls: () => undefined,
    ...changes,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, budgets, resets, address: `127.0.0.1:${port}` };
}

function connected(address: string): Socket {
  const [host, port] = address.split(":");
  return connect(Number(port), host).resume();
}

test("a connection of an address that reset too many is closed before HTTP/2 begins on it", async () => {
  const { server, resets, address } = await admitting(new Budgets({ address_resets: 100 }));
  let sessions = 0;
  server.on("session", () => {
    sessions += 1;
  });
  const first = connected(address);
  await once(server, "session");
  resets.countAll("127.0.0.1", 100);
  await once(connected(address), "close");
  expect(sessions).toBe(1);
  first.destroy();
  server.close();
});

/** Looks of a door that closes before it holds calls back. */
const servingLooks = 40;

test("a call that was held back while a door closes, and reset, is not carried", async () => {
  const letGo = Promise.withResolvers<void>();
  let looks = 0;
  const arrivals: Arrivals = new Arrivals(async () => {
    looks += 1;
    if (looks > servingLooks) await letGo.promise;
    else arrivals.connected();
  });
  const carried: (string | undefined)[] = [];
  const { server, budgets, address } = await admitting(new Budgets(), {
    arrivals,
    carries: (_stream, headers) => carried.push(headers[":path"]) > 0,
  });
  using raw = new ClientHttp2(address);
  const closed = arrivals.end(() => undefined);
  await expect.poll(() => looks).toBeGreaterThan(servingLooks);
  raw.open("/stays");
  const left = raw.open("/left");
  await expect.poll(() => budgets.figures("open_calls").used).toBe(2);
  left.close(8);
  await expect.poll(() => budgets.figures("open_calls").used).toBe(1);
  letGo.resolve();
  await closed;
  expect(carried).toEqual(["/stays"]);
  raw.session.destroy();
  await expect.poll(() => budgets.figures("open_calls").used).toBe(0);
  server.close();
});

/** Sends a call that ends with trailers. */
function endWithTrailers({ session }: ClientHttp2, trailers: Record<string, string>): void {
  const options = { waitForTrailers: true } as ClientSessionRequestOptions;
  const stream = session.request({ ":method": "POST" }, options);
  stream.on("error", () => undefined);
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end("body");
}

test("trailers are not kept with their call", async () => {
  const { server, address } = await admitting(
    new Budgets(),
    {},
    createServer(() => undefined),
  );
  using raw = new ClientHttp2(address);
  endWithTrailers(raw, { "x-late": "v" });
  const [request] = (await once(server, "request")) as [Http2ServerRequest];
  request.resume();
  await once(request, "end");
  expect(request.trailers).toEqual({});
  raw.session.destroy();
  server.close();
});

test("the bytes of trailers are counted like those of headers", async () => {
  const { server, budgets, address } = await admitting(new Budgets({ header_string_bytes: 9_000 }));
  using raw = new ClientHttp2(address);
  endWithTrailers(raw, { "x-wide": "v".repeat(9_000) });
  await expect.poll(() => budgets.figures("header_string_bytes").refused, patient).toBe(1);
  raw.session.destroy();
  server.close();
});

/** More than the kernel takes for a peer that reads nothing. */
const muchBytes = 50_000_000;
const windowMax = 0x7fff_ffff;

test("a connection that ends is cut off, although its peer reads nothing of what was written", async () => {
  let written: Http2Session | undefined;
  const { server, address } = await admitting(new Budgets(), {
    carries(stream) {
      stream.respond({ ":status": 200 });
      stream.end(Buffer.alloc(muchBytes));
      written = stream.session;
      return true;
    },
  });
  const leaving = new AbortController();
  const context = { outcomes: new Outcomes(), signal: leaving.signal };
  using connection = await RawHttp2.open(address, context, false);
  const window = Buffer.concat([Buffer.of(0, 4), uint32(windowMax)]);
  const opening = [
    frame(frames.settings, 0, 0, window),
    frame(frames.windowUpdate, 0, 0, uint32(windowMax - 65_535)),
    frame(frames.headers, flags.endHeaders, connection.nextStream(), grpcHead("/any")),
  ];
  await connection.send(Buffer.concat(opening));
  await expect.poll(() => written, patient).toBeDefined();
  // As it is where its peer answers no ping.
  written?.destroy();
  const count = promisify(server.getConnections.bind(server));
  await expect.poll(() => count(), patient).toBe(0);
  server.close();
});

/** Nobody knows frames of this type: HTTP/2 drops them. */
const unknownType = 0xfa;
const readBytes = 64 * 1024;
const frameBytesMax = 16 * 1024;

test("a connection that brings resets is read once in a turn", async () => {
  const { server, budgets, address } = await admitting();
  const leaving = new AbortController();
  const context = { outcomes: new Outcomes(), signal: leaving.signal };
  using connection = await RawHttp2.open(address, context);
  const streams = Array.from({ length: 640 }, () => connection.nextStream());
  const head = grpcHead("/any");
  const heads = streams.map((stream) => frame(frames.headers, flags.endHeaders, stream, head));
  await connection.send(Buffer.concat(heads));
  await expect.poll(() => budgets.figures("open_calls").used).toBe(640);

  const filler = frame(unknownType, 0, 0, Buffer.alloc(frameBytesMax));
  const aRead = Buffer.concat(Array.from({ length: readBytes / frameBytesMax }, () => filler));
  const resets = streams.map((stream) => frame(frames.reset, 0, stream, uint32(8)));
  const parts = Array.from({ length: 10 }, (_, part) =>
    Buffer.concat([...resets.slice(part * 64, part * 64 + 64), aRead]),
  );
  void connection.send(Buffer.concat(parts));
  let most = 0;
  for (let seen = 0; seen < streams.length; ) {
    await turn();
    const { used } = budgets.figures("address_resets");
    most = Math.max(most, used - seen);
    seen = used;
  }
  expect(most).toBeLessThanOrEqual(2 * 64);
  leaving.abort();
  server.close();
});

test("of what one read brings, no more than a crowd is served in its turn", async () => {
  const crowd = 256;
  const perTurn = 64;
  let carried = 0;
  const carries = (): true => {
    carried += 1;
    return true;
  };
  const { server, address } = await admitting(new Budgets(), { carries });
  const leaving = new AbortController();
  const context = { outcomes: new Outcomes(), signal: leaving.signal };
  using connection = await RawHttp2.open(address, context);
  const streams = Array.from({ length: 900 }, () => connection.nextStream());
  const head = grpcHead("/any");
  const heads = streams.map((stream) => frame(frames.headers, flags.endHeaders, stream, head));
  void connection.send(Buffer.concat(heads));
  let most = 0;
  for (let seen = 0; seen < streams.length; ) {
    await turn();
    most = Math.max(most, carried - seen);
    seen = carried;
  }
  expect(most).toBeLessThanOrEqual(crowd + perTurn);
  leaving.abort();
  server.close();
});

test("a connection ends amid a read that opens and resets streams, and the rest of it is dropped", async () => {
  const limit = 100;
  const { server, budgets, address } = await admitting(new Budgets({ turn_resets: limit }));
  let opened = 0;
  server.on("session", (session) => session.on("stream", () => (opened += 1)));
  const outcomes = new Outcomes();
  using connection = await RawHttp2.open(address, { outcomes, signal: AbortSignal.any([]) });
  const head = grpcHead("/any");
  const burst = Array.from({ length: 300 }, () => {
    const stream = connection.nextStream();
    const opening = frame(frames.headers, flags.endHeaders, stream, head);
    return Buffer.concat([opening, frame(frames.reset, 0, stream, uint32(8))]);
  });
  void connection.send(Buffer.concat(burst));
  await connection.socket.closed;
  expect(opened).toBeLessThanOrEqual(limit + 2);
  expect(budgets.figures("turn_resets").refused).toBe(1);
  server.close();
});

test("streams of earlier turns may all be reset in one", async () => {
  const { server, budgets, address } = await admitting(new Budgets({ turn_resets: 100 }));
  using connection = await RawHttp2.open(address, {
    outcomes: new Outcomes(),
    signal: AbortSignal.any([]),
  });
  const streams = Array.from({ length: 300 }, () => connection.nextStream());
  const head = grpcHead("/any");
  const heads = streams.map((stream) => frame(frames.headers, flags.endHeaders, stream, head));
  await connection.send(Buffer.concat(heads));
  await expect.poll(() => budgets.figures("open_calls").used).toBe(streams.length);
  const resets = streams.map((stream) => frame(frames.reset, 0, stream, uint32(8)));
  await connection.send(Buffer.concat(resets));
  await expect.poll(() => budgets.figures("open_calls").used).toBe(0);
  expect(connection.isOpen).toBe(true);
  expect(budgets.figures("turn_resets").refused).toBe(0);
  server.close();
});

test("small frames of one read come together, in order, and are not kept one by one", async () => {
  const bytes = Buffer.from(Array.from({ length: 600 }, (_, index) => index % 256));
  let stream: ServerHttp2Stream | undefined;
  const { server, address } = await admitting(new Budgets(), {
    carries: (carried) => {
      stream = carried;
      return true;
    },
  });
  using connection = await RawHttp2.open(address, {
    outcomes: new Outcomes(),
    signal: AbortSignal.any([]),
  });
  const id = connection.nextStream();
  const parts = Array.from(bytes, (byte) => frame(frames.data, 0, id, Buffer.of(byte)));
  const head = frame(frames.headers, flags.endHeaders, id, grpcHead("/any"));
  const end = frame(frames.data, flags.endStream, id, Buffer.from("the end, which is long enough"));
  await connection.send(Buffer.concat([head, ...parts, end]));
  await expect.poll(() => stream?.readableLength, patient).toBeGreaterThan(bytes.length);
  const come: Buffer[] = [];
  stream?.on("data", (chunk: Buffer) => come.push(chunk));
  if (stream !== undefined) await once(stream, "end");
  expect(Buffer.concat(come).subarray(0, bytes.length)).toEqual(bytes);
  expect(come.length).toBeLessThan(20);
  server.close();
});
