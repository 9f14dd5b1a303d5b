import * as grpc from "@grpc/grpc-js";

import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { serveUsage } from "./measured-process.ts";

/**
 * The floor: grpc-js with streams that know nothing. Whatever bytes are put into an Acquire are
 * written to every open WatchTransport.
 */
const unchanged = (bytes: Buffer): Buffer => bytes;
const asBytes = {
  requestStream: false,
  requestSerialize: unchanged,
  requestDeserialize: unchanged,
  responseSerialize: unchanged,
  responseDeserialize: unchanged,
};
const open = new Set<grpc.ServerWritableStream<Buffer, Buffer>>();

const server = new grpc.Server({ "grpc.max_concurrent_streams": 20_000 });
server.addService(
  {
    watchTransport: {
      ...asBytes,
      path: `/${ControllerLease.typeName}/WatchTransport`,
      responseStream: true,
    },
    acquire: { ...asBytes, path: `/${ControllerLease.typeName}/Acquire`, responseStream: false },
  },
  {
    watchTransport(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      open.add(call);
      call.on("cancelled", () => open.delete(call));
      call.write(Buffer.alloc(0));
    },
    acquire(call: grpc.ServerUnaryCall<Buffer, Buffer>, respond: grpc.sendUnaryData<Buffer>) {
      for (const stream of open) stream.write(call.request);
      respond(null, Buffer.alloc(0));
    },
  },
);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  serveUsage({ grpc: `127.0.0.1:${port}`, http: "" });
});
