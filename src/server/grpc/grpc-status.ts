import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { Metadata, type StatusObject } from "@grpc/grpc-js";

const statusDetails = "grpc-status-details-bin";

/** More of a message would not fit into the headers that peers take. */
const messageLengthMax = 4_000;

/** The status and trailers with which a gRPC call ends; Connect's codes are gRPC's. */
export function toGrpcStatus(error: ConnectError): StatusObject {
  const trailers = setTrailerStatus(new Headers(), error);
  const metadata = new Metadata();
  const details = trailers.get(statusDetails);
  if (details !== null) metadata.set(statusDetails, Buffer.from(details, "base64"));
  const code: number = error.code;
  return { code, details: error.rawMessage.slice(0, messageLengthMax), metadata };
}
