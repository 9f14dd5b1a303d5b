import { once } from "node:events";
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { json, text } from "node:stream/consumers";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enveloped } from "../../support/network/enveloped.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";
const watch = "/beach.controller.v1.ControllerLease/WatchTransport";
const mebibyte = 1024 * 1024;

/** A renewal of a session that nobody knows: what was read is refused as NOT_FOUND. */
const asked = Buffer.from('{"sessionId":"nobody","controllerToken":"t"}');
/** One byte more than a message may have. */
const padded = Buffer.concat([asked, Buffer.alloc(mebibyte - asked.length + 1, " ")]);

let service: RunningService;
beforeAll(async () => {
  service = await runService();
});
afterAll(() => service[Symbol.asyncDispose]());

type Headers = Readonly<Record<string, string>>;

const unary: Headers = { "content-type": "application/json" };
const grpcWeb: Headers = { "content-type": "application/grpc-web+json" };
const stream: Headers = { "content-type": "application/connect+json" };

describe("a body over Connect", () => {
  test.each<[string, Headers, Buffer]>([
    ["as it is", unary, asked],
    ["of 1 MiB", unary, padded.subarray(0, -1)],
    ["in gzip", { ...unary, "content-encoding": "gzip" }, gzipSync(asked)],
    ["in brotli", { ...unary, "content-encoding": "br" }, brotliCompressSync(asked)],
  ])("is read: %s", async (_what, headers, body) => {
    const { status, received } = await post(renew, headers, [body]);
    expect({ status, received }).toEqual({ status: 404, received: "SESSION_UNKNOWN" });
  });

  test.each<[string, Headers, Buffer, RegExp]>([
    ["above 1 MiB", unary, padded, /at most 1048576 bytes/],
    [
      "above 1 MiB only once it is unpacked",
      { ...unary, "content-encoding": "gzip" },
      gzipSync(padded),
      /at most 1048576 bytes/,
    ],
    ["no gzip", { ...unary, "content-encoding": "gzip" }, asked, /compressed as it says/],
    [
      "half a gzip",
      { ...unary, "content-encoding": "gzip" },
      gzipSync(asked).subarray(0, 20),
      /compressed as it says/,
    ],
  ])("is FIELD_INVALID: %s", async (_what, headers, body, message) => {
    const { status, received, body: answer } = await post(renew, headers, [body]);
    expect({ status, received }).toEqual({ status: 400, received: "FIELD_INVALID" });
    expect(answer).toMatch(message);
  });

  test("in an encoding that the service lacks is refused with those that it has", async () => {
    const headers = { ...unary, "content-encoding": "zstd" };
    const { status, body } = await post(renew, headers, [gzipSync(asked)]);
    expect(status).toBe(501);
    expect(body).toMatch(/gzip/);
  });
});

describe("a body in envelopes", () => {
  const whole = enveloped(asked);

  test.each<[string, Headers, Buffer]>([
    ["as it is", grpcWeb, whole],
    ["of 1 MiB", grpcWeb, enveloped(padded.subarray(0, -1))],
    ["in gzip", { ...grpcWeb, "grpc-encoding": "gzip" }, enveloped(gzipSync(asked), 1)],
    ["not in gzip where it might be", { ...grpcWeb, "grpc-encoding": "gzip" }, whole],
  ])("is read: %s", async (_what, headers, body) => {
    expect((await post(renew, headers, [body])).received).toBe("SESSION_UNKNOWN");
  });

  test.each<[string, Headers, Buffer, RegExp]>([
    ["above 1 MiB", grpcWeb, enveloped(padded), /at most 1048576 bytes/],
    [
      "above 1 MiB once it is unpacked",
      { ...grpcWeb, "grpc-encoding": "gzip" },
      enveloped(gzipSync(padded), 1),
      /at most 1048576 bytes/,
    ],
    ["cut off", grpcWeb, whole.subarray(0, -1), /one envelope, whole/],
    ["empty", grpcWeb, Buffer.alloc(0), /one envelope, whole/],
    ["with a second one", grpcWeb, Buffer.concat([whole, whole]), /one envelope, whole/],
    [
      "flagged as packed in nothing that is named",
      grpcWeb,
      enveloped(asked, 1),
      /no encoding is named/,
    ],
  ])("is FIELD_INVALID: %s", async (_what, headers, body, message) => {
    const { received, body: answer } = await post(renew, headers, [body]);
    expect(received).toBe("FIELD_INVALID");
    expect(decodeURIComponent(answer)).toMatch(message);
  });

  test("of a Connect stream is known as compressed by its own header", async () => {
    const headers = { ...stream, "connect-content-encoding": "gzip" };
    const body = enveloped(gzipSync('{"sessionIds":7}'), 1);
    const { received, body: answer } = await post(watch, headers, [body]);
    expect(received).toBe("FIELD_INVALID");
    expect(answer).toMatch(/session_ids/);
  });
});

describe("a body without end", () => {
  test("is refused before it comes, where its headers say how long it is", async () => {
    const sending = open(renew, { ...unary, "content-length": "8000000000" }, new Agent());
    sending.on("error", () => undefined);
    sending.flushHeaders();
    const [answer] = (await once(sending, "response")) as [IncomingMessage];
    expect(answer.statusCode).toBe(400);
    expect(await text(answer)).toMatch(/at most 1048576 bytes/);
    sending.destroy();
  });

  test("is refused while it is sent, and the connection goes on", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sending = open(renew, unary, agent);
    sending.write(Buffer.concat([padded, padded]));
    const [answer] = (await once(sending, "response")) as [IncomingMessage];
    expect(answer.statusCode).toBe(400);
    expect(await json(answer)).toMatchObject({ code: "invalid_argument" });
    const { socket } = sending;
    sending.end(padded);

    const next = open(renew, unary, agent);
    next.end(asked);
    const [read] = (await once(next, "response")) as [IncomingMessage];
    expect(read.statusCode).toBe(404);
    expect(next.socket).toBe(socket);
    agent.destroy();
  });
});

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  /** The reason word of the refusal. */
  readonly received: string | undefined;
}

async function post(path: string, headers: Headers, chunks: readonly Buffer[]): Promise<Answer> {
  const sending = open(path, headers, new Agent());
  for (const chunk of chunks) sending.write(chunk);
  sending.end();
  const [answer] = (await once(sending, "response")) as [IncomingMessage];
  const body = await text(answer);
  return { status: answer.statusCode, body, received: reasonIn(body) };
}

function open(path: string, headers: Headers, agent: Agent): ClientRequest {
  return request(service.httpUrl(path), { method: "POST", headers, agent });
}

/** Only reason words are in capitals, also inside encoded details. */
function reasonIn(body: string): string | undefined {
  const encoded = /grpc-status-details-bin: (?<details>\S+)/.exec(body)?.groups?.details;
  const shown = encoded === undefined ? body : Buffer.from(encoded, "base64").toString("latin1");
  return /[A-Z]+_[A-Z_]+/.exec(shown)?.[0];
}
