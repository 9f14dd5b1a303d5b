import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";

import {
  type KeepAliveRequest,
  KeepAliveRequestSchema,
  type KeepAliveResponse,
  KeepAliveResponseSchema,
  type RenewRequest,
  RenewRequestSchema,
  type RenewResponse,
  RenewResponseSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { serveMeasurements } from "../contestant.ts";
import { keepAlivePath, renewPath } from "../load/calls.ts";
import { sampleAnswer, sampleLeases, sampleResult } from "./sample-answer.ts";

/** The floor of the gRPC door: grpc-js and protobuf with handlers that decide nothing. */
const leases = Number(process.argv[2] ?? 1000);

const server = new grpc.Server();
server.addService(
  {
    renew: {
      path: renewPath,
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
      path: keepAlivePath,
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
    renew: (_call: unknown, answer: grpc.sendUnaryData<RenewResponse>) =>
      answer(null, sampleAnswer),
    keepAlive: (call: grpc.ServerDuplexStream<KeepAliveRequest, KeepAliveResponse>) => {
      call.on("data", ({ renewals }: KeepAliveRequest) => {
        const results = renewals.map(({ sessionId }) => sampleResult(sessionId));
        call.write(create(KeepAliveResponseSchema, { results }));
      });
      call.on("end", () => call.end());
    },
  },
);

server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  serveMeasurements({ grpc: `127.0.0.1:${port}` }, sampleLeases(leases));
});
