import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { status } from "@grpc/grpc-js";
import { expect, test, vi } from "vitest";

import { RenewRequestSchema } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.js";
import {
  Health,
  HealthCheckResponse_ServingStatus,
} from "../../src/gen/grpc/health/v1/health_pb.js";
import { type RunningService, runService } from "../support/run-service.ts";
import { rawGrpc } from "./raw-grpc.ts";
import { openUnreadWatch } from "./unread-watch.ts";

const ours = ["beach.controller.v1.ControllerLease", "beach.controller.v1.FastPathRegistry"];
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

test("bytes that are no request are INVALID_ARGUMENT", async () => {
  await using service = await runService();
  using client = rawGrpc(service.addresses.grpc);
  await expect(client.unary(renewPath, Uint8Array.of(0x0a, 0xff))).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: expect.stringContaining("beach.controller.v1.RenewRequest"),
  });
});

test("a message above 1 MiB is RESOURCE_EXHAUSTED", async () => {
  await using service = await runService();
  using client = rawGrpc(service.addresses.grpc);
  const request = create(RenewRequestSchema, { sessionId: "s".repeat(1024 * 1024) });
  await expect(
    client.unary(renewPath, toBinary(RenewRequestSchema, request)),
  ).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
});

test("a reader that vanishes while it is written to leaves nothing hanging", async () => {
  await using service = await runService();
  const reader = await openUnreadWatch(service, "gRPC");
  expect(await callsEnded(service)).toBe(0);
  reader.destroy();
  await vi.waitFor(async () => expect(await callsEnded(service)).toBe(1), 30_000);
  expect(service.log.map(({ msg }) => msg)).toContain("watch stream closed");
});

test("a stream that its caller cancels ends at the service as well", async () => {
  await using service = await runService();
  const leave = new AbortController();
  const watch = service.lease.watchTransport({ sessionIds: ["s1"] }, { signal: leave.signal });
  await expect(async () => {
    for await (const _ of watch) leave.abort();
  }).rejects.toMatchObject({ code: Code.Canceled });
  await vi.waitFor(async () => expect(await callsEnded(service)).toBe(1), 30_000);
});

async function callsEnded(service: RunningService): Promise<number> {
  const metrics = await (await fetch(service.opsUrl("/metrics"))).text();
  const lines = metrics.matchAll(
    /^lease_calls_total\{.*method="WatchTransport".*\} (?<count>\d+)$/gm,
  );
  return [...lines].reduce((sum, line) => sum + Number(line.groups?.count), 0);
}
