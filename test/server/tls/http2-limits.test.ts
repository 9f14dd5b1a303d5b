import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import { connect } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { BudgetLimits } from "../../../src/budget/budgets.ts";
import { KeepAliveRequestSchema } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { ListSessionsRequestSchema } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { hasOpenssl } from "../../support/network/certificates.ts";
import { enveloped } from "../../support/network/enveloped.ts";
import { patient } from "../../support/runs/patient.ts";
import { grpcEnd, RawHttp2, resetUntilRefused } from "../raw/raw-http2.ts";
import { runSecure, type SecureService } from "./secure-service.ts";

const lease = "/beach.controller.v1.ControllerLease";
const renew = `${lease}/Renew`;
const keepAlive = `${lease}/KeepAlive`;
const listSessions = "/beach.controller.v1.FastPathRegistry/ListSessions";
const empty = enveloped(Buffer.alloc(0));
/** What a page calls is carried by another way than other calls of gRPC. */
const fromPage = { origin: "http://localhost:3000" };
const ways = [{}, fromPage];
const bomb = gzipSync(Buffer.alloc(3 * 1024 * 1024));

describe.skipIf(!hasOpenssl)("over HTTP/2 at the public door", () => {
  let service: SecureService;
  let raw: RawHttp2;

  beforeEach(() => run());
  afterEach(() => end());

  async function end(): Promise<void> {
    raw[Symbol.dispose]();
    await vi.waitFor(async () => {
      for (const budget of ["open_streams", "request_bytes", "unread_bytes"]) {
        expect(await service.figure("used", budget), budget).toBe(0);
      }
    }, patient);
    await service[Symbol.asyncDispose]();
  }

  async function run(budgets?: BudgetLimits): Promise<void> {
    service = await runSecure(budgets && { budgets });
    raw = service.http2();
  }

  async function runWith(budgets: BudgetLimits): Promise<void> {
    await end();
    await run(budgets);
  }

  /** That calls are answered, on a connection of its own. */
  async function isServed(): Promise<void> {
    await expect(
      service.lease.renew({ sessionId: "nobody", controllerToken: "t" }),
    ).rejects.toMatchObject({ code: Code.NotFound });
    using other = service.http2();
    expect(await renewed(other)).toBe("3");
  }

  async function renewed(connection: RawHttp2): Promise<string> {
    const stream = connection.open(renew);
    stream.end(empty);
    return (await grpcEnd(stream)).status;
  }

  /** The code that the stream is reset with, or 0. */
  async function resetOf(stream: ClientHttp2Stream): Promise<number | undefined> {
    stream.resume();
    if (!stream.closed) await new Promise<void>((resolve) => stream.once("close", resolve));
    return stream.rstCode;
  }

  test("headers beyond their budget reset the stream, and nothing else", async () => {
    const long = { "x-long": "v".repeat(17_000) };
    // Before the client has confirmed the settings, and after.
    expect(await resetOf(raw.open(renew, long))).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(await service.figure("refusals_total", "header_bytes")).toBe(1);
    expect(await resetOf(raw.open(renew, long))).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(await renewed(raw)).toBe("3");
  });

  test("a connection is sent the number of streams that it may have", async () => {
    await runWith({ connection_streams: 5 });
    await once(raw.session, "remoteSettings");
    expect(raw.session.remoteSettings.maxConcurrentStreams).toBe(5);
  });

  test("a connection at its limit outlives streams that it opens as others end", async () => {
    await runWith({ connection_streams: 300 });
    await once(raw.session, "remoteSettings");
    const ended = Array.from({ length: 300 }, () => raw.open(keepAlive));
    await vi.waitFor(
      async () => expect(await service.figure("used", "open_streams")).toBe(300),
      patient,
    );
    // A client sends each as soon as one of those before has been reset.
    const begun = Array.from({ length: 300 }, () => raw.open(renew));
    for (const stream of begun) stream.end(empty);
    for (const stream of ended) stream.close(constants.NGHTTP2_CANCEL);
    const codes = await Promise.all(begun.map(resetOf));
    expect(new Set([...codes, constants.NGHTTP2_NO_ERROR])).toEqual(
      new Set([constants.NGHTTP2_ENHANCE_YOUR_CALM, constants.NGHTTP2_NO_ERROR]),
    );
    expect(await renewed(raw)).toBe("3");
  });

  test("one connection may have as many streams as are left for all others", async () => {
    await runWith({ open_streams: 6 });
    const open = Array.from({ length: 3 }, () => raw.open(keepAlive));
    await vi.waitFor(
      async () => expect(await service.figure("used", "open_streams")).toBe(3),
      patient,
    );
    expect(await resetOf(raw.open(keepAlive))).toBe(constants.NGHTTP2_REFUSED_STREAM);
    expect(await service.figure("refusals_total", "open_streams")).toBe(1);
    await isServed();
    for (const stream of open) stream.close();
  });

  test("one connection may hold as many bytes of headers as are left for all others", async () => {
    await runWith({ open_header_bytes: 20_000 });
    const wide = { "x-wide": "v".repeat(9_000) };
    const open = raw.open(keepAlive, wide);
    expect(await resetOf(raw.open(keepAlive, wide))).toBe(constants.NGHTTP2_REFUSED_STREAM);
    expect(await service.figure("refusals_total", "open_header_bytes")).toBe(1);
    await isServed();
    open.close();
    await vi.waitFor(
      async () => expect(await service.figure("used", "open_header_bytes")).toBe(0),
      patient,
    );
  });

  test("streams that the door has no room for are not resets of their caller", async () => {
    await runWith({ open_streams: 6, address_resets: 5 });
    const open = Array.from({ length: 3 }, () => raw.open(keepAlive));
    await vi.waitFor(
      async () => expect(await service.figure("used", "open_streams")).toBe(3),
      patient,
    );
    for (let refused = 0; refused < 10; refused += 1) {
      expect(await resetOf(raw.open(keepAlive))).toBe(constants.NGHTTP2_REFUSED_STREAM);
    }
    for (const stream of open) {
      stream.end();
      expect((await grpcEnd(stream)).status).toBe("0");
    }
  });

  test("a caller that resets too many streams cannot continue over a new connection", async () => {
    await runWith({ address_resets: 100 });
    raw.openAndReset(200);
    await vi.waitUntil(() => raw.session.destroyed, patient);
    await resetUntilRefused(service.httpUrl(""), 100);
    // After a while everybody is served again.
    await vi.waitFor(async () => {
      using later = service.http2();
      expect(await renewed(later)).toBe("3");
    }, patient);
  });

  test("a message is measured before it is unpacked, also in a stream", async () => {
    for (const way of ways) {
      for (const path of [renew, keepAlive]) {
        const stream = raw.open(path, { "grpc-encoding": "gzip", ...way });
        stream.end(enveloped(bomb, 1));
        const refused = await grpcEnd(stream);
        expect(refused).toMatchObject({ status: "3", reason: "FIELD_INVALID" });
        expect(refused.message).toContain("at most 1048576 bytes");
      }
      const long = raw.open(keepAlive, way);
      long.write(enveloped(Buffer.alloc(2 * 1024 * 1024)).subarray(0, 100));
      expect(await grpcEnd(long)).toMatchObject({ status: "3", reason: "FIELD_INVALID" });
    }
  });

  test.for(ways)("a stream is read envelope by envelope, however it is cut (%o)", async (way) => {
    const renewals = [{ sessionId: "nobody", controllerToken: "t" }];
    const one = toBinary(KeepAliveRequestSchema, create(KeepAliveRequestSchema, { renewals }));
    const both = Buffer.concat([enveloped(one), enveloped(gzipSync(one), 1)]);
    const stream = raw.open(keepAlive, { "grpc-encoding": "gzip", ...way });
    let answered = 0;
    stream.on("data", (data: Buffer) => {
      answered += data.toString("latin1").split("SESSION_UNKNOWN").length - 1;
    });
    for (let at = 0; at < both.length; at += 7) {
      stream.write(both.subarray(at, at + 7));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(answered).toBe(2), patient);
    stream.end(both);
    expect((await grpcEnd(stream)).status).toBe("0");
    expect(answered).toBe(4);
    const half = raw.open(keepAlive, way);
    half.end(both.subarray(0, 20));
    expect(await grpcEnd(half)).toMatchObject({
      status: "3",
      message: expect.stringContaining("whole"),
    });
  });

  test("calls of gRPC in JSON, or packed with brotli, are answered too", async () => {
    const cases = [
      [{ "content-type": "application/grpc+json" }, enveloped(Buffer.from("{}"))],
      [{ "grpc-encoding": "br" }, enveloped(brotliCompressSync(Buffer.from("\n\x01s")), 1)],
    ] as const;
    for (const [headers, body] of cases) {
      const stream = raw.open(renew, headers);
      stream.end(body);
      expect(await grpcEnd(stream)).toMatchObject({ status: "3", reason: "FIELD_INVALID" });
    }
  });

  test("what is held of calls that are not answered is bounded for each connection", async () => {
    await runWith({ connection_request_bytes: 100_000 });
    const part = enveloped(Buffer.alloc(60_000)).subarray(0, -1);
    const cases = ways.flatMap((way) => [renew, keepAlive].map((path) => ({ path, way })));
    for (const { path, way } of cases) {
      using other = service.http2();
      const streams = [other.open(path, way), other.open(path, way)];
      for (const stream of streams) stream.write(part);
      expect(await Promise.race(streams.map(grpcEnd))).toMatchObject({
        status: "8",
        what: "connection_request_bytes",
        hasRetryInfo: true,
      });
      await isServed();
    }
  });

  test("what is answered and not read is bounded, also in a stream", async () => {
    await runWith({ connection_unread_bytes: 40_000 });
    const attaching = Array.from({ length: 300 }, (_, index) =>
      service.registry.attachSession({ sessionId: `session-${index}`, privateBeachId: "full" }),
    );
    await Promise.all(attaching);
    const page = create(ListSessionsRequestSchema, { privateBeachId: "full", pageSize: 300 });
    const renewals = Array.from({ length: 1_000 }, () => ({ sessionId: "nobody" }));
    const batch = create(KeepAliveRequestSchema, { renewals });
    using blind = new RawHttp2(service.httpUrl(""), { settings: { initialWindowSize: 1 } });
    const list = (): ClientHttp2Stream => {
      const stream = blind.open(listSessions);
      stream.end(enveloped(toBinary(ListSessionsRequestSchema, page)));
      return stream;
    };
    list().pause();
    await vi.waitFor(
      async () => expect(await service.figure("used", "unread_bytes")).toBeGreaterThan(20_000),
      patient,
    );
    const second = list();
    second.pause();
    await vi.waitFor(
      async () =>
        expect(await service.figure("refusals_total", "connection_unread_bytes")).toBeGreaterThan(
          0,
        ),
      patient,
    );
    const kept = blind.open(keepAlive, fromPage);
    kept.pause();
    for (let sent = 0; sent < 5; sent += 1) {
      kept.write(enveloped(toBinary(KeepAliveRequestSchema, batch)));
    }
    await vi.waitFor(() => expect(kept.rstCode).toBe(constants.NGHTTP2_REFUSED_STREAM), patient);
    await isServed();
  });

  test("an answer that is not read in time is given up", async () => {
    await runWith({ unread_ms: 240 });
    using blind = new RawHttp2(service.httpUrl(""), { settings: { initialWindowSize: 1 } });
    for (const path of [renew, keepAlive]) {
      const stream = blind.open(path, fromPage);
      stream.pause();
      stream.write(path === renew ? empty : enveloped(Buffer.of(0x0a, 0)));
      if (path === renew) stream.end();
    }
    await vi.waitFor(
      async () => expect(await service.figure("refusals_total", "unread_ms")).toBeGreaterThan(0),
      patient,
    );
    await isServed();
  });

  test("a body in too many small chunks resets its stream", async () => {
    const stream = raw.open(renew, fromPage);
    stream.write(Buffer.of(0, 0, 0x10, 0, 0));
    // As large as not to count for the connection.
    const chunk = Buffer.alloc(32, 0x0a);
    for (let sent = 0; sent < 2_400 && !stream.closed; sent += 1) {
      stream.write(chunk);
      // What is written in one turn goes in one frame.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await resetOf(stream)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(await service.figure("refusals_total", "small_chunks")).toBe(1);
    expect(await renewed(raw)).toBe("3");
  });

  test("a body that does not arrive whole in time resets its stream; a stream may go on", async () => {
    await runWith({ request_ms: 240 });
    const going = raw.open(keepAlive);
    const slow = [
      raw.open(renew),
      raw.open(renew, fromPage),
      raw.open(`${lease}/WatchTransport`),
      raw.open("/sessions/s/controller/lease"),
    ];
    for (const stream of slow) stream.write(Buffer.alloc(3));
    for (const stream of slow.slice(0, 3)) {
      expect(await resetOf(stream)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
    await resetOf(slow[3] as ClientHttp2Stream);
    expect(await service.figure("refusals_total", "request_ms")).toBeGreaterThanOrEqual(3);
    going.end();
    expect((await grpcEnd(going)).status).toBe("0");
    expect(service.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("a connection has to finish its handshake in time", async () => {
    await runWith({ handshake_ms: 50 });
    const { hostname: host, port } = new URL(service.httpUrl(""));
    const silent = connect({ host, port: Number(port) });
    silent.on("error", () => undefined).resume();
    await once(silent, "close");
    await vi.waitFor(
      async () => expect(await service.figure("refusals_total", "handshake_ms")).toBeGreaterThan(0),
      patient,
    );
  });

  test("what is no call of the door is refused in words, and its body let go", async () => {
    const cases = [
      [{ ":method": "GET", ":path": "/nowhere" }, 404, "no such route"],
      [{ ":method": "CONNECT", ":authority": "h:1" }, 405, "the method must be one of a route"],
      [{ ":method": "POST", ":path": renew, expect: "more" }, 417, '"expect" must be 100-continue'],
      [{ ":method": "GET", ":path": renew }, 405, "the method must be POST"],
      [
        { ":method": "POST", ":path": renew, "content-type": "text/plain" },
        415,
        '"content-type" must be application/json, application/proto or application/grpc-web+proto',
      ],
    ] as const;
    for (const [headers, status, message] of cases) {
      const stream = raw.session.request(headers, { endStream: false });
      stream.on("error", () => undefined);
      const [answer] = await once(stream, "response");
      let text = "";
      stream.on("data", (data: Buffer) => {
        text += data.toString();
      });
      // The caller never ends it.
      await once(stream, "close");
      expect(answer[":status"]).toBe(status);
      expect(JSON.parse(text)).toMatchObject({ message });
    }
  });
});
