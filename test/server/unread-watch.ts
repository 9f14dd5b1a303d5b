import { connect } from "node:http2";

import { create, toBinary } from "@bufbuild/protobuf";

import {
  ControllerLease,
  WatchTransportRequestSchema,
} from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { beach } from "../api/conformance-subject.ts";
import type { Reach } from "../support/run-service.ts";

/** Enough states to fill every buffer between the service and a reader. */
const sessions = 1500;

/**
 * Watches a whole private beach over gRPC, and reads nothing: flow control stops the service in the
 * middle of a write. Resolves when the service has begun to answer.
 */
export async function openUnreadWatch({ addresses, registry }: Reach): Promise<Unread> {
  const ids = Array.from({ length: sessions }, (_, index) => `session-${index}`);
  await Promise.all(
    ids.map((sessionId) => registry.attachSession({ sessionId, privateBeachId: beach })),
  );
  const session = connect(`http://${addresses.grpc}`);
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": `/${ControllerLease.typeName}/WatchTransport`,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  const request = create(WatchTransportRequestSchema, { privateBeachId: beach });
  const bytes = toBinary(WatchTransportRequestSchema, request);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  stream.end(Buffer.concat([prefix, bytes]));
  await new Promise((resolve) => stream.once("response", resolve));
  return { destroy: () => session.destroy() };
}

export interface Unread {
  destroy(): void;
}
