import { once } from "node:events";

import { describe, expect, test } from "vitest";
import { enveloped } from "../../support/network/enveloped.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";
const keepAlive = "/beach.controller.v1.ControllerLease/KeepAlive";
const watch = "/beach.controller.v1.ControllerLease/WatchTransport";
const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const unaryTypes = "application/json, application/proto or application/grpc-web+proto";
const streamTypes =
  "application/connect+json, application/connect+proto or application/grpc-web+proto";

interface Sent {
  readonly path: string;
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function ask(service: RunningService, { path, method = "POST", headers }: Sent) {
  const body = method === "GET" ? {} : { body: "{}" };
  const answer = await fetch(service.httpUrl(path), { method, headers, ...body });
  return { status: answer.status, body: await answer.json() };
}

const json = { "content-type": "application/json" };

const overHttp: readonly (readonly [what: string, sent: Sent, status: number, words: string])[] = [
  ["another method", { path: renew, method: "GET", headers: json }, 405, "the method must be POST"],
  [
    "base64",
    { path: renew, headers: { "content-type": "application/grpc-web-text" } },
    415,
    `"content-type" must be ${unaryTypes}`,
  ],
  [
    "no content type that is known",
    { path: renew, headers: { "content-type": "text/html" } },
    415,
    `"content-type" must be ${unaryTypes}`,
  ],
  [
    "a stream asked for as a call",
    { path: watch, headers: json },
    415,
    `"content-type" must be ${streamTypes}`,
  ],
  [
    "a stream in both directions",
    { path: keepAlive, headers: { "content-type": "application/connect+json" } },
    505,
    "KeepAlive must be called over HTTP/2",
  ],
  [
    "an encoding that nobody knows",
    { path: renew, headers: { ...json, "content-encoding": "compress" } },
    501,
    'Cannot read the request: "content-encoding" is "compress" and must be identity, gzip or br',
  ],
  [
    "a deadline that is none",
    { path: renew, headers: { ...json, "connect-timeout-ms": "soon" } },
    400,
    'Cannot read the request: "connect-timeout-ms" must be up to 10 digits, such as 5000',
  ],
];

describe("The public door refuses in its own words", () => {
  test.each(overHttp)("%s", async (_what, sent, status, words) => {
    await using service = await runService();
    expect(await ask(service, sent)).toMatchObject({ status, body: { message: words } });
    expect(service.log.filter(({ level }) => level === "error")).toEqual([]);
  });
});

const message = enveloped(Buffer.alloc(0));
const cannotRead = 'Cannot read the request: "message"';

const overGrpc: readonly (readonly [
  what: string,
  path: string,
  data: readonly Buffer[],
  end: { readonly status: string; readonly message: string },
])[] = [
  ["no message", renew, [], { status: "3", message: `${cannotRead} must be sent` }],
  [
    "two messages",
    renew,
    [message, message],
    { status: "3", message: `${cannotRead} must be sent once` },
  ],
  [
    "a method that is not there",
    "/nobody.Knows/This",
    [message],
    { status: "12", message: "no such method is known here" },
  ],
  [
    "a question to reflection that is none",
    reflection,
    [enveloped(Buffer.of(0))],
    { status: "3", message: `${cannotRead} must be in protobuf's binary encoding` },
  ],
];

describe("The internal door refuses in its own words", () => {
  test.each(overGrpc)("%s", async (_what, path, data, end) => {
    await using service = await runService();
    using caller = new RawHttp2(service.addresses.grpc);
    const stream = caller.open(path);
    const ended = grpcEnd(stream);
    for (const bytes of data) stream.write(bytes);
    stream.end();
    expect(await ended).toMatchObject(end);
  });

  test("many calls without a message that come at once", async () => {
    await using service = await runService();
    using caller = new RawHttp2(service.addresses.grpc);
    const ends = Array.from({ length: 300 }, () => {
      const stream = caller.open(renew);
      const ended = grpcEnd(stream);
      stream.end();
      return ended;
    });
    for (const { status } of await Promise.all(ends)) expect(status).toBe("3");
  });

  test("what is no gRPC", async () => {
    await using service = await runService();
    using caller = new RawHttp2(service.addresses.grpc);
    const stream = caller.open(renew, { "content-type": "application/json" });
    let status: unknown;
    stream.on("response", (headers) => {
      status = headers[":status"];
    });
    stream.end("{}");
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(status).toBe(415);
    expect(JSON.parse(Buffer.concat(chunks).toString())).toEqual({
      error: "bad_request",
      message: '"content-type" must be application/grpc',
    });
  });

  test("what is no gRPC and does not end, which is a call until its stream closes", async () => {
    await using service = await runService({ budgets: { open_calls: 8 } });
    const noGrpc = { "content-type": "text/plain" };
    using caller = new RawHttp2(service.addresses.grpc);
    for (let opened = 0; opened < 20; opened += 1) {
      await once(caller.open(renew, noGrpc).resume(), "close");
    }
    using blind = new RawHttp2(service.addresses.grpc, { settings: { initialWindowSize: 0 } });
    for (let opened = 0; opened < 4; opened += 1) blind.open(renew, noGrpc);
    expect(await grpcEnd(blind.open(renew))).toMatchObject({ status: "8", what: "open_calls" });
  });
});
