import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

import { toBinary } from "@bufbuild/protobuf";

import { RenewResponseSchema } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { enveloped } from "../../support/network/enveloped.ts";
import { serveMeasurements } from "../contestant.ts";
import { sampleAnswer, sampleLeases } from "./sample-answer.ts";

/** What Node alone needs for a call of gRPC: bytes that are not read, and bytes made once. */
const leases = Number(process.argv[2] ?? 1000);
const answer = enveloped(toBinary(RenewResponseSchema, sampleAnswer));

const server = createServer();
server.on("stream", (stream) => {
  stream.resume();
  stream.on("end", () => {
    const headers = { ":status": 200, "content-type": "application/grpc" };
    stream.respond(headers, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(answer);
  });
  stream.on("error", () => undefined);
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  serveMeasurements({ grpc: `127.0.0.1:${port}` }, sampleLeases(leases));
});
