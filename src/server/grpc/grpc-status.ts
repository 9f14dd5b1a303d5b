import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";

import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";

import { requestIdHeader } from "../../observe/requests.ts";
import { closeInput } from "../http2/close-input.ts";

const statusDetails = "grpc-status-details-bin";

/** More of a message would not fit into the headers that peers take. */
const messageLengthMax = 4_000;

/** Those with details take as long to make as a call, and many calls share a refusal. */
const known = new WeakMap<ConnectError, OutgoingHttpHeaders>();

/** The trailers with which a call ends that is refused; Connect's codes are gRPC's. */
export function trailersOf(error: ConnectError): OutgoingHttpHeaders {
  if (error.details.length === 0) return newTrailers(error);
  const trailers = known.get(error) ?? newTrailers(error);
  known.set(error, trailers);
  return trailers;
}

function newTrailers(error: ConnectError): OutgoingHttpHeaders {
  const details = setTrailerStatus(new Headers(), error).get(statusDetails);
  // It may be cut within a character.
  const message = error.rawMessage.slice(0, messageLengthMax).toWellFormed();
  const id = error.metadata.get(requestIdHeader);
  return {
    "grpc-status": error.code,
    "grpc-message": encodeURI(message),
    ...(details === null ? {} : { [statusDetails]: details }),
    // An internal error is answered with the id under which it is in the log.
    ...(id === null ? {} : { [requestIdHeader]: id }),
  };
}

/** Answers a call with an error alone, and with other headers besides. */
export function refuseWith(
  stream: ServerHttp2Stream,
  error: ConnectError,
  others: OutgoingHttpHeaders = {},
): void {
  const headers = { ":status": 200, "content-type": "application/grpc+proto" };
  stream.respond({ ...headers, ...others, ...trailersOf(error) }, { endStream: true });
  closeInput(stream);
}
