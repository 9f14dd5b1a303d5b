import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";

import {
  ControllerLease,
  HandshakeKind,
  type KeepAliveRequest,
  KeepAliveRequestSchema,
  type KeepAliveResponse,
  KeepAliveResponseSchema,
  type RenewRequest,
  RenewRequestSchema,
  type RenewResponse,
  RenewResponseSchema,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { serveMeasurements } from "./contestant.ts";

/** The floor: grpc-js and protobuf with handlers that decide nothing. */
const sample = create(RenewResponseSchema, {
  handshakeKind: HandshakeKind.REFRESH,
  lease: {
    sessionId: "session-0",
    leaseId: "0193b5a0-0000-7000-8000-000000000000",
    reason: "bench",
    epoch: 1n,
    expiresAt: { seconds: 1_700_000_000n },
    expiresIn: { seconds: 30n },
    renewAfter: { seconds: 15n },
  },
  transport: { sessionId: "session-0", version: 1n, generation: 1n, liveLeases: 1 },
});

const server = new grpc.Server();
server.addService(
  {
    renew: {
      path: `/${ControllerLease.typeName}/Renew`,
      requestStream: false,
      responseStream: false,
      requestDeserialize: (bytes: Buffer) => fromBinary(RenewRequestSchema, bytes),
      requestSerialize: (request: RenewRequest) =>
        Buffer.from(toBinary(RenewRequestSchema, request)),
      responseSerialize: (answer: RenewResponse) =>
        Buffer.from(toBinary(RenewResponseSchema, answer)),
      responseDeserialize: (bytes: Buffer) => fromBinary(RenewResponseSchema, bytes),
    },
    keepAlive: {
      path: `/${ControllerLease.typeName}/KeepAlive`,
      requestStream: true,
      responseStream: true,
      requestDeserialize: (bytes: Buffer) => fromBinary(KeepAliveRequestSchema, bytes),
      requestSerialize: (request: KeepAliveRequest) =>
        Buffer.from(toBinary(KeepAliveRequestSchema, request)),
      responseSerialize: (answer: KeepAliveResponse) =>
        Buffer.from(toBinary(KeepAliveResponseSchema, answer)),
      responseDeserialize: (bytes: Buffer) => fromBinary(KeepAliveResponseSchema, bytes),
    },
  },
  {
    renew: (_call: unknown, answer: grpc.sendUnaryData<RenewResponse>) => answer(null, sample),
    keepAlive: (call: grpc.ServerDuplexStream<KeepAliveRequest, KeepAliveResponse>) => {
      call.on("data", ({ renewals }: KeepAliveRequest) => {
        const results = renewals.map(({ sessionId }) => ({
          sessionId,
          expiresAt: { seconds: 1_700_000_000n, nanos: 0 },
          expiresIn: { seconds: 30n, nanos: 0 },
          renewAfter: { seconds: 15n, nanos: 0 },
          handshakeKind: HandshakeKind.REFRESH,
          generation: 1n,
        }));
        call.write(create(KeepAliveResponseSchema, { results }));
      });
      call.on("end", () => call.end());
    },
  },
);

server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  const lease = { sessionId: "session-0", token: "t".repeat(43), handshakeId: "" };
  serveMeasurements(`127.0.0.1:${port}`, [lease]);
});
