import { once } from "node:events";
import { type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  KeepAliveRequestSchema,
  WatchTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const renew = "/beach.controller.v1.ControllerLease/Renew";
const keepAlive = "/beach.controller.v1.ControllerLease/KeepAlive";
const watchTransport = "/beach.controller.v1.ControllerLease/WatchTransport";
const listSessions = "/beach.controller.v1.FastPathRegistry/ListSessions";
const oldRoute = "/sessions/s/controller-handshake";

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;
const compressed = 1;
const whole = enveloped(Buffer.alloc(0));
const part = whole.subarray(0, 3);
const renewals = enveloped(
  toBinary(
    KeepAliveRequestSchema,
    create(KeepAliveRequestSchema, { renewals: [{ sessionId: "s", controllerToken: "t" }] }),
  ),
);
const watch = enveloped(
  toBinary(WatchTransportRequestSchema, create(WatchTransportRequestSchema, { sessionIds: ["s"] })),
);

let service: RunningService;
beforeEach(async () => {
  service = await runService({ budgets: { unread_ms: 600 }, env: { LEASE_LOG_LEVEL: "warn" } });
  await service.registry.attachSession({ sessionId: "s", privateBeachId: "b" });
});
afterEach(() => service[Symbol.asyncDispose]());

/** What is in use of all budgets; what an address has reset comes back by itself. */
async function used(): Promise<readonly string[]> {
  const text = await (await fetch(service.opsUrl("/metrics"))).text();
  const lines = [...text.matchAll(/^lease_budget_used\{budget="(\w+)"\} ([1-9]\S*)$/gm)];
  return lines.map(([, name, amount]) => `${name} ${amount}`).filter((one) => !/resets/.test(one));
}

async function expectNothingHeld(): Promise<void> {
  await vi.waitFor(async () => expect(await used()).toEqual([]), patient);
}

describe("over gRPC, nothing is held for a call that has ended, while its connection goes on:", () => {
  /** How often each story is told: some have an order by chance. */
  const times = 20;

  async function ended(
    path: string,
    end: (stream: ClientHttp2Stream) => Promise<unknown> | unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    using raw = new RawHttp2(service.addresses.grpc, { settings: { initialWindowSize: 1 } });
    for (let time = 0; time < times; time += 1) await end(raw.open(path, headers));
    await expectNothingHeld();
    expect(raw.session.destroyed).toBe(false);
  }

  const afterAnswers = (stream: ClientHttp2Stream): Promise<unknown> => once(stream, "response");

  describe.each([
    ["cancelled", NGHTTP2_CANCEL],
    ["reset without an error", NGHTTP2_NO_ERROR],
  ])("%s", (_, code) => {
    test("before a message", () => ended(keepAlive, (stream) => stream.close(code)));

    test("while a message is arriving", () =>
      ended(renew, async (stream) => {
        stream.write(part);
        await delay(2);
        stream.close(code);
      }));

    test.each([renew, listSessions, keepAlive])("with a message, to %s", (path) =>
      ended(path, (stream) => {
        stream.write(whole);
        stream.close(code);
      }),
    );

    test.each([renew, listSessions])("with all that it sends, to %s", (path) =>
      ended(path, (stream) => {
        stream.end(whole);
        stream.close(code);
      }),
    );

    test("while its answers are unread", () =>
      ended(keepAlive, async (stream) => {
        for (let count = 0; count < 4; count += 1) stream.write(renewals);
        await afterAnswers(stream);
        stream.close(code);
      }));

    test("while it watches", () =>
      ended(watchTransport, async (stream) => {
        stream.end(watch);
        await afterAnswers(stream);
        stream.close(code);
      }));
  });

  test.each([renew, keepAlive])("refused with more behind it, to %s", (path) =>
    ended(
      path,
      async (stream) => {
        stream.write(Buffer.concat([enveloped(Buffer.alloc(9), compressed), whole]));
        stream.write(whole);
        expect(await grpcEnd(stream)).toMatchObject({ status: "12" });
      },
      { "grpc-encoding": "unknown" },
    ),
  );

  test("refused after it was answered, with more behind it", () =>
    ended(keepAlive, async (stream) => {
      stream.write(Buffer.concat([renewals, enveloped(Buffer.from([0xff])), renewals]));
      stream.write(renewals);
      expect(await grpcEnd(stream)).toMatchObject({ status: "3" });
    }));
});

test("over gRPC, nothing is held for a call whose connection was cut while its message arrived", async () => {
  const session = connectHttp2(`http://${service.addresses.grpc}`);
  session.on("error", () => undefined);
  for (const path of [renew, keepAlive, watchTransport]) {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
    });
    stream.on("error", () => undefined);
    stream.write(part);
  }
  await vi.waitFor(async () => expect(await used()).toContain("open_calls 3"), patient);
  session.destroy();
  await expectNothingHeld();
});

describe("over HTTP/1.1, nothing is held for a call whose caller has left:", () => {
  const json = "content-type: application/json\r\n";

  test.each([
    ["an old route", oldRoute, ""],
    ["a call", renew, json],
    ["a watch", watchTransport, "content-type: application/connect+json\r\n"],
  ])("%s, while its body is arriving", async (_, path, headers) => {
    for (let time = 0; time < 20; time += 1) {
      const socket = await open();
      socket.write(`POST ${path} HTTP/1.1\r\nhost: h\r\n${headers}content-length: 9\r\n\r\n{`);
      await delay(2);
      socket.destroy();
    }
    await expectNothingHeld();
    // Nobody waits either for one who has left to read.
    await delay(800);
    expect(await refused("unread_ms")).toBe(0);
  });
});

async function open(): Promise<Socket> {
  const socket = connect(Number(service.addresses.http.split(":").at(-1)), "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

async function refused(budget: string): Promise<number> {
  const text = await (await fetch(service.opsUrl("/metrics"))).text();
  return Number(new RegExp(`refusals_total\\{budget="${budget}"\\} (\\d+)`).exec(text)?.[1]);
}
