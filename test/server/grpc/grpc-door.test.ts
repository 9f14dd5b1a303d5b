import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { type ServiceError, status } from "@grpc/grpc-js";
import { expect, test, vi } from "vitest";

import { defaultPolicy } from "../../../src/core/policy.ts";
import {
  ControllerLease,
  RenewRequestSchema,
  WatchTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../../src/gen/google/rpc/status_pb.js";
import {
  Health,
  HealthCheckResponse_ServingStatus,
} from "../../../src/gen/grpc/health/v1/health_pb.js";
import { unknownField } from "../../api/conformance/conformance-unreadable.ts";
import { refusalOf } from "../../api/expect-refusal.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { patient } from "../../support/runs/patient.ts";
import { rawOverGrpc } from "../raw/raw-messages.ts";
import { rawGrpc } from "./raw-grpc.ts";
import { openUnreadWatch } from "./unread-watch.ts";

const ours = ["beach.controller.v1.ControllerLease", "beach.controller.v1.FastPathRegistry"];
const mebibyte = 1024 * 1024;
const watchPath = "/beach.controller.v1.ControllerLease/WatchTransport";
const renewPath = "/beach.controller.v1.ControllerLease/Renew";
const { SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;

test("reflection lists both services and resolves TransportState with all it needs", async () => {
  await using service = await runService();
  using client = rawGrpc(service.addresses.grpc);
  const [listed, file] = await client.reflect([
    { kind: "list services" },
    { kind: "file containing symbol", symbol: "beach.controller.v1.TransportState" },
  ]);
  expect(listed?.services).toEqual(expect.arrayContaining([...ours, "grpc.health.v1.Health"]));
  const files = file?.files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes)) ?? [];
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: files.reverse() }));
  const state = registry.getMessage("beach.controller.v1.TransportState");
  expect(state?.fields.map(({ name }) => name)).toContain("handshake_id");
  expect(state?.field.promotedAt?.message?.typeName).toBe("google.protobuf.Timestamp");
});

test("health is SERVING for each service, and unknown for others", async () => {
  await using service = await runService();
  const health = service.client(Health);
  for (const name of ["", ...ours]) {
    expect(await health.check({ service: name })).toMatchObject({ status: SERVING });
  }
  await expect(health.check({ service: "none" })).rejects.toMatchObject({ code: Code.NotFound });
  for await (const seen of health.watch({ service: "none" })) {
    expect(seen).toMatchObject({ status: SERVICE_UNKNOWN });
    break;
  }
});

test("a plain grpc-js client reads the details of a refusal", async () => {
  await using service = await runService();
  using client = rawGrpc(service.addresses.grpc);
  const request = create(RenewRequestSchema, { sessionId: "nobody", controllerToken: "t" });
  const thrown = await client
    .unary(renewPath, toBinary(RenewRequestSchema, request))
    .catch((error: unknown) => error);
  expect(thrown).toMatchObject({
    code: status.NOT_FOUND,
    details: expect.stringContaining("Cannot renew the lease"),
  });
  const { metadata } = thrown as { metadata: { get(name: string): Buffer[] } };
  const [bytes] = metadata.get("grpc-status-details-bin");
  const { details } = fromBinary(StatusSchema, bytes ?? new Uint8Array());
  expect(details.map(({ typeUrl }) => typeUrl)).toEqual([
    "type.googleapis.com/google.rpc.ErrorInfo",
  ]);
  expect(fromBinary(ErrorInfoSchema, details[0]?.value ?? new Uint8Array())).toMatchObject({
    reason: "SESSION_UNKNOWN",
  });
});

test("the longest hold that may be asked for is the policy's", async () => {
  const policy = { ...defaultPolicy, holdMsMax: 7_200_000 };
  await using service = await runService({ policy });
  await service.registry.attachSession({ sessionId: "s1", privateBeachId: "b1" });
  const hold = (seconds: bigint) =>
    service.registry.revokeLeases({ sessionId: "s1", hold: { seconds } });
  expect(await refusalOf(hold(7_201n))).toMatchObject({
    fields: ["hold"],
    message: expect.stringContaining("from zero to 2 hours"),
  });
  expect(await hold(7_200n)).toMatchObject({ revoked: 0 });
});

test("a refusal of very many wrong fields fits into the 8 KiB of headers that peers take", async () => {
  await using service = await runService();
  using client = rawGrpc(service.addresses.grpc);
  const key = (n: number) => `${n}${'"\\/\u0001🏖'.repeat(100)}`;
  const request = create(WatchTransportRequestSchema, {
    sessionIds: ["s1"],
    knownVersions: Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [key(n), 1n])),
  });
  const thrown = await client
    .unary(watchPath, toBinary(WatchTransportRequestSchema, request))
    .catch((error: unknown) => error);
  const { code, details, metadata } = thrown as ServiceError;
  expect(code).toBe(status.INVALID_ARGUMENT);
  expect(details).toMatch(/; and 984 more$/);
  const [bytes] = metadata.get("grpc-status-details-bin");
  const size = encodeURI(details).length + Buffer.from(bytes ?? "").toString("base64").length;
  expect(size).toBeLessThan(8 * 1024);
});

test("a message of 1 MiB is read and a longer one refused, in the same words by the stack", async () => {
  await using service = await runService();
  const send = (bytes: number) =>
    refusalOf(
      rawOverGrpc(service, ControllerLease.method.renew, {
        format: "binary",
        bytes: unknownField(bytes),
      }),
    );
  expect(await send(mebibyte)).toMatchObject({ fields: ["session_id", "controller_token"] });
  for (const bytes of [mebibyte + 1, 4 * mebibyte, 4 * mebibyte + 1]) {
    expect(await send(bytes)).toMatchObject({
      reason: "FIELD_INVALID",
      fields: ["message"],
      message: 'Cannot read the request: "message" must be at most 1048576 bytes',
    });
  }
});

test("a batch that is too long ends its stream, and those before it count", async () => {
  await using service = await runService();
  const { lease } = service;
  const acquired = await lease.acquire({ sessionId: "s1", privateBeachId: "b1", passcode: "1" });
  const renewal = { sessionId: "s1", controllerToken: acquired.controllerToken };
  const tooLong = Array.from({ length: 1000 }, () => ({ controllerToken: "t".repeat(1100) }));
  async function* batches() {
    yield { renewals: [renewal] };
    yield { renewals: tooLong };
  }
  const answers = lease.keepAlive(batches())[Symbol.asyncIterator]();
  expect((await answers.next()).value).toMatchObject({
    results: [{ sessionId: "s1", refusal: "" }],
  });
  expect(await refusalOf(answers.next())).toMatchObject({
    reason: "FIELD_INVALID",
    fields: ["message"],
  });
});

test("a reader that vanishes while it is written to leaves nothing hanging", async () => {
  await using service = await runService();
  const reader = await openUnreadWatch(service, "gRPC");
  expect(await callsEnded(service)).toBe(0);
  reader.destroy();
  await vi.waitFor(async () => expect(await callsEnded(service)).toBe(1), patient);
  expect(service.log.map(({ msg }) => msg)).toContain("watch stream closed");
});

test("a stream that its caller cancels ends at the service as well", async () => {
  await using service = await runService();
  const leave = new AbortController();
  const watch = service.lease.watchTransport({ sessionIds: ["s1"] }, { signal: leave.signal });
  await expect(async () => {
    for await (const _ of watch) leave.abort();
  }).rejects.toMatchObject({ code: Code.Canceled });
  await vi.waitFor(async () => expect(await callsEnded(service)).toBe(1), patient);
});

async function callsEnded(service: RunningService): Promise<number> {
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  const lines = metrics.matchAll(
    /^lease_calls_total\{.*method="WatchTransport".*\} (?<count>\d+)$/gm,
  );
  return [...lines].reduce((sum, line) => sum + Number(line.groups?.count), 0);
}
