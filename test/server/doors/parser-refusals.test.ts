import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type RunningService, runService } from "../../support/process/run-service.ts";

let service: RunningService;
beforeAll(async () => {
  service = await runService({ budgets: { request_ms: 300 } });
});
afterAll(() => service[Symbol.asyncDispose]());

const unreadable: readonly (readonly [what: string, sent: string, status: number])[] = [
  ["no HTTP", "BREW /coffee HTCPCP/1.0\r\n\r\n", 400],
  ["a header without a colon", "GET / HTTP/1.1\r\nhost h\r\n\r\n", 400],
  ["long headers", `GET / HTTP/1.1\r\nhost: h\r\nx: ${"v".repeat(40_000)}\r\n\r\n`, 431],
  ["a long path", `GET /${"p".repeat(40_000)} HTTP/1.1\r\nhost: h\r\n\r\n`, 431],
  [
    "two lengths",
    "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n",
    400,
  ],
  ["no length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: x\r\n\r\n", 400],
  ["no chunk", "POST ROUTE HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400],
  [
    "long extensions of a chunk",
    `POST ROUTE HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1;${"e".repeat(20_000)}\r\n`,
    413,
  ],
  ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["what it expects", "GET / HTTP/1.1\r\nhost: h\r\nexpect: coffee\r\n\r\n", 417],
  ["a tunnel", "CONNECT h:80 HTTP/1.1\r\nhost: h\r\n\r\n", 405],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ["TLS", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001", 400],
];

describe.each([
  ["http", "/sessions/s/controller/lease"],
  ["ops", "/backup"],
] as const)("the %s door refuses in our own words", (door, route) => {
  test.each(unreadable)("%s", async (_what, sent, status) => {
    const socket = await open(door);
    socket.write(sent.replace("ROUTE", route), "latin1");
    const answer = await text(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(answer.split("\r\n\r\n")[1] ?? "")).toEqual({
      error: "bad_request",
      message: expect.stringMatching(/ must /),
    });
  });

  test.each([
    ["a body", "POST ROUTE HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{"],
    ["a head", "POST ROUTE HTTP/1.1\r\nhost: h\r\nx-"],
    ["nothing", ""],
  ])("%s that does not end in time", async (_what, begin) => {
    const socket = await open(door);
    socket.write(begin.replace("ROUTE", route));
    const answer = await text(socket);
    expect(answer).toMatch(/HTTP\/1.1 408 [\s\S]*"message":"the request must arrive whole/);
  });
});

async function open(door: "http" | "ops"): Promise<Socket> {
  const [host = "", port = ""] = service.addresses[door].split(":");
  const socket = connect(Number(port), host);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

describe("a call over the public door", () => {
  const call = (version: string, headers: string, path = "/"): string =>
    `POST ${path}beach.controller.v1.ControllerLease/Release HTTP/${version}\r\n${headers}connection: close\r\ncontent-type: application/json\r\ncontent-length: 44\r\n\r\n{"sessionId":"unknown","controllerToken":""}`;
  const answerTo = async (sent: string): Promise<string> => {
    const socket = await open("http");
    socket.write(sent, "latin1");
    return text(socket);
  };

  test.each([
    ["HTTP/1.0 without a host", "1.0", ""],
    ["HTTP/1.0 with an empty host", "1.0", "host:\r\n"],
    ["HTTP/1.1 with an empty host", "1.1", "host:\r\n"],
    ["a host that DNS does not know", "1.1", "host: lease_service:80\r\n"],
  ])("is answered: %s", async (_, version, host) => {
    const answer = await answerTo(call(version, host));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('"code":"invalid_argument"');
  });

  test.each([
    ["a host that is none", "host: a b:c:d\r\n", "/"],
    ["a URL without a host", "host: h\r\n", "http://[/"],
  ])("is refused: %s", async (_, host, path) => {
    const answer = await answerTo(call("1.1", host, path));
    expect(answer).toMatch(/^HTTP\/1.1 (400|404) /);
    expect(answer).toMatch(/"message":"(\\"host\\" must name a host|no such route)"/);
  });
});
