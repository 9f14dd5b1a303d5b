import { once } from "node:events";
import { deflateSync, gzipSync } from "node:zlib";

import { create, type DescMethod, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  ControllerLease,
  KeepAliveRequestSchema,
  RenewRequestSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import {
  type RunningService,
  type RunOptions,
  runService,
} from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { rawGrpc } from "../grpc/raw-grpc.ts";
import { type GrpcEnd, grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const keepAlive = pathOf(ControllerLease.method.keepAlive);
const renew = pathOf(ControllerLease.method.renew);
const mebibyte = 1024 * 1024;
/** What unpacks to four times the size that a message may have. */
const bomb = gzipSync(Buffer.alloc(4 * mebibyte));

let service: RunningService;
let raw: RawHttp2;
const run = async (options: RunOptions = {}): Promise<void> => {
  service = await runService(options);
  raw = new RawHttp2(service.addresses.grpc);
};
afterEach(async () => {
  // Whatever was sent, nothing of it is held in the end.
  await vi.waitFor(async () => {
    expect(await used("request_bytes")).toBe(0);
    expect(await used("connection_request_bytes")).toBe(0);
  }, patient);
  raw[Symbol.dispose]();
  await service[Symbol.asyncDispose]();
});

describe("over gRPC", () => {
  beforeEach(() => run());

  test.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
  ])("a message in %s is read, one beside it that is not packed as well", async (name, pack) => {
    const one = toBinary(
      KeepAliveRequestSchema,
      create(KeepAliveRequestSchema, { renewals: [{ sessionId: "nobody", controllerToken: "t" }] }),
    );
    const stream = raw.open(keepAlive, { "grpc-encoding": name });
    let answered = 0;
    stream.on("data", (data: Buffer) => {
      answered += data.toString("latin1").split("SESSION_UNKNOWN").length - 1;
    });
    stream.end(Buffer.concat([enveloped(pack(one), 1), enveloped(one), enveloped(pack(one), 1)]));
    expect((await grpcEnd(stream)).status).toBe("0");
    expect(answered).toBe(3);
  });

  test("messages that would unpack to too much are refused one after the other", async () => {
    const streams = Array.from({ length: 20 }, () => {
      const stream = raw.open(keepAlive, { "grpc-encoding": "gzip" });
      stream.write(Buffer.concat(Array.from({ length: 10 }, () => enveloped(bomb, 1))));
      return grpcEnd(stream);
    });
    for (const end of await Promise.all(streams)) {
      expect(end).toMatchObject({ status: "3", reason: "FIELD_INVALID" });
      expect(end.message).toContain("at most 1048576 bytes");
    }
    // Of each stream the first message alone was looked at.
    expect(await refused("message_bytes")).toBe(20);
  });

  test.each([
    ["no gzip", "gzip", Buffer.from("no gzip"), "3", "must be compressed as it says it is"],
    ["half a gzip", "gzip", gzipSync("ab").subarray(0, 15), "3", "must be compressed as it says"],
    ["an encoding that is none", "b".repeat(9_000), bomb, "12", 'is "bbbbbbbbbbbbbbbbbbbbbbbb..."'],
  ])("%s is refused in our words", async (...row) => {
    const [, name, bytes, status, message] = row;
    const stream = raw.open(renew, { "grpc-encoding": name });
    stream.end(enveloped(bytes, 1));
    const end = await grpcEnd(stream);
    expect(end).toMatchObject({ status, message: expect.stringContaining(message) });
    expect(end.message.length).toBeLessThan(200);
  });

  test("a question to reflection is short", async () => {
    const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const ask = (bytes: Buffer, flags: number): Promise<GrpcEnd> => {
      const stream = raw.open(path, { "grpc-encoding": "gzip" });
      stream.end(enveloped(bytes, flags));
      return grpcEnd(stream);
    };
    expect(await ask(Buffer.from("\x3a\x01*"), 0)).toMatchObject({ status: "0" });
    expect(await ask(gzipSync("\x3a\x01*"), 1)).toMatchObject({ status: "0" });
    for (const end of [await ask(Buffer.alloc(5_000), 0), await ask(bomb, 1)]) {
      expect(end).toMatchObject({ status: "3", message: expect.stringContaining("4096 bytes") });
    }
  });
});

describe("unanswered calls are bounded", () => {
  const half = enveloped(Buffer.alloc(60_000)).subarray(0, -1);

  test("over the process", async () => {
    await run({ budgets: { request_bytes: 100_000 } });
    using other = new RawHttp2(service.addresses.grpc);
    const first = raw.open(renew);
    first.write(half);
    await vi.waitFor(async () => expect(await used("request_bytes")).toBe(half.length), patient);
    const second = other.open(renew);
    second.write(half);
    expect(await grpcEnd(second)).toMatchObject(tooMany("request_bytes"));
    const body = new Uint8Array(90_000);
    const headers = { "content-type": "application/proto" };
    const answer = await fetch(service.httpUrl(renew), { method: "POST", headers, body });
    expect([answer.status, await answer.json()]).toEqual([
      429,
      expect.objectContaining({ code: "resource_exhausted" }),
    ]);
    first.close();
    await vi.waitFor(async () => expect(await used("request_bytes")).toBe(0), patient);
    await expect(renewNobody()).rejects.toMatchObject({ code: Code.NotFound });
  });

  test("of one connection, and another one is served", async () => {
    await run({ budgets: { connection_request_bytes: 100_000 } });
    const streams = [raw.open(renew), raw.open(renew)];
    for (const stream of streams) stream.write(half);
    const end = await Promise.race(streams.map(grpcEnd));
    expect(end).toMatchObject(tooMany("connection_request_bytes"));
    await expect(renewNobody()).rejects.toMatchObject({ code: Code.NotFound });
    for (const stream of streams) stream.close();
  });

  test("also after their answers, which their callers do not read", async () => {
    await run({ budgets: { connection_request_bytes: 100_000 } });
    using blind = new RawHttp2(service.addresses.grpc, { settings: { initialWindowSize: 0 } });
    const stream = blind.open(keepAlive);
    stream.write(enveloped(Buffer.of(0x0a, 0)));
    await once(stream, "response");
    const long = enveloped(Buffer.alloc(mebibyte));
    stream.write(long.subarray(0, 150_000));
    await vi.waitFor(
      async () => expect(await refused("connection_request_bytes")).toBe(1),
      patient,
    );
    const held = await used("connection_request_bytes");
    expect(held).toBeGreaterThan(80_000);
    // The rest, and more, is let go.
    for (const bytes of [long.subarray(150_000), long]) {
      await new Promise((resolve) => stream.write(bytes, resolve));
    }
    expect(await used("connection_request_bytes")).toBe(held);
    stream.close();
  });

  test("also once it is unpacked and read", async () => {
    await run({ budgets: { request_bytes: 100_000 } });
    const fields = raw.open(keepAlive);
    fields.end(enveloped(Buffer.alloc(3 * 2_000, "\xf8\x01\x00", "latin1")));
    expect(await grpcEnd(fields)).toMatchObject(tooMany("request_bytes"));
    const packed = raw.open(renew, { "grpc-encoding": "gzip" });
    const text = Buffer.concat([Buffer.from([0x0a, 0xc0, 0x9a, 0x0c]), Buffer.alloc(200_000)]);
    packed.end(enveloped(gzipSync(text), 1));
    expect(await grpcEnd(packed)).toMatchObject(tooMany("request_bytes"));
  });

  test("and are returned with each answer of a stream", async () => {
    await run({ budgets: { connection_request_bytes: 300_000 } });
    const { lease } = service;
    async function* batches(): AsyncGenerator<{ renewals: { sessionId: string }[] }> {
      for (let batch = 0; batch < 20; batch += 1) {
        yield { renewals: Array.from({ length: 1_000 }, () => ({ sessionId: "nobody" })) };
      }
    }
    let answers = 0;
    for await (const { results } of lease.keepAlive(batches())) answers += results.length;
    expect(answers).toBe(20_000);
  });
});

test.each([FastPathRegistry.method.reportTransport, ControllerLease.method.watchTransport])(
  "$name refuses half a million empty entries on each door",
  async (method) => {
    await run();
    const field = method.input.fields.find(({ fieldKind }) => fieldKind === "list");
    const bytes = Buffer.alloc(mebibyte, Buffer.from([((field?.number ?? 0) << 3) | 2, 0]));
    using grpc = rawGrpc(service.addresses.grpc);
    const refusal = `"${field?.name}" must have at most 1000 entries`;
    await expect(grpc.unary(pathOf(method), bytes)).rejects.toThrow(refusal);
    const isUnary = method.methodKind === "unary";
    const answer = await fetch(service.httpUrl(pathOf(method)), {
      method: "POST",
      headers: { "content-type": isUnary ? "application/proto" : "application/connect+proto" },
      body: isUnary ? bytes : new Uint8Array(enveloped(bytes)),
    });
    expect(await answer.text()).toContain(refusal.replaceAll('"', '\\"'));
  },
);

function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}

function tooMany(what: string): Partial<GrpcEnd> {
  return { status: "8", reason: "TOO_MANY", what, hasRetryInfo: true };
}

function renewNobody(): Promise<unknown> {
  return service.lease.renew(
    create(RenewRequestSchema, { sessionId: "nobody", controllerToken: "t" }),
  );
}

const used = (budget: string): Promise<number> => figure("lease_budget_used", budget);
const refused = (budget: string): Promise<number> => figure("lease_budget_refusals_total", budget);

async function figure(name: string, budget: string): Promise<number> {
  const text = await (await fetch(service.opsUrl("/metrics"))).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name}{budget="${budget}"} `));
  return Number(line?.split(" ")[1]);
}
