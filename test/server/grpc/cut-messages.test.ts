import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { KeepAliveRequestSchema } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { grpcEnd, RawHttp2 } from "../raw/raw-http2.ts";

const service = "/beach.controller.v1.ControllerLease";
const methods = [
  ["unary", `${service}/Renew`],
  ["server streaming", `${service}/WatchTransport`],
  ["bidirectional", `${service}/KeepAlive`],
  ["reflection's", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"],
] as const;

const bodies = [
  ["in its prefix", Buffer.alloc(4)],
  ["behind its prefix", Buffer.of(0, 0, 0, 0, 10)],
  ["in its bytes", Buffer.of(0, 0, 0, 0, 10, 1, 2, 3)],
] as const;

const cut = {
  status: "3",
  reason: "FIELD_INVALID",
  message: 'Cannot read the request: "message" must come in envelopes, each of them whole',
};

let running: RunningService;
beforeAll(async () => {
  running = await runService();
});
afterAll(() => running[Symbol.asyncDispose]());

describe.each(methods)("over gRPC a %s call", (_kind, path) => {
  test.each(bodies)("whose message is cut off %s is refused", async (_where, body) => {
    using raw = new RawHttp2(running.addresses.grpc);
    const stream = raw.open(path);
    stream.end(body);
    expect(await grpcEnd(stream)).toMatchObject(cut);
  });
});

test("a message behind which another is cut off is not carried alone", async () => {
  using raw = new RawHttp2(running.addresses.grpc);
  const stream = raw.open(`${service}/Renew`);
  stream.end(Buffer.concat([enveloped(Buffer.alloc(0)), Buffer.of(0, 0)]));
  expect(await grpcEnd(stream)).toMatchObject(cut);
});

test("KeepAlive answers what came whole, and refuses what was cut off behind it", async () => {
  using raw = new RawHttp2(running.addresses.grpc);
  const renewals = [{ sessionId: "n", controllerToken: "t" }];
  const batch = toBinary(KeepAliveRequestSchema, create(KeepAliveRequestSchema, { renewals }));
  const stream = raw.open(`${service}/KeepAlive`);
  stream.end(Buffer.concat([enveloped(batch), enveloped(batch).subarray(0, 8)]));
  let answered = 0;
  stream.on("data", (data: Buffer) => {
    answered += data.length;
  });
  expect(await grpcEnd(stream)).toMatchObject(cut);
  expect(answered).toBeGreaterThan(5);
});
