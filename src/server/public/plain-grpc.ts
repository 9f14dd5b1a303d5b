import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { carryCall } from "../grpc/grpc-call.ts";
import { refuseFault } from "../grpc/grpc-http2.ts";
import type { GrpcMethods } from "../grpc/grpc-methods.ts";

const types = /^application\/grpc(?:\+proto)?$/i;

/**
 * Carries calls of gRPC as the internal door does. The stack would hold 40 kB for one that is open, which
 * costs its caller a hundred bytes; it is left what it alone can do: JSON, brotli, and calls of pages.
 *
 * @param waitsForBody has the body of a call come whole in time
 */
export function plainGrpc(
  methods: GrpcMethods,
  waitsForBody: (stream: ServerHttp2Stream) => void,
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean {
  return (stream, headers) => {
    const method = methods.get(headers[":path"] ?? "");
    if (method === undefined || !isPlain(headers)) return false;
    if (refuseFault(stream, headers)) return true;
    if (method.kind !== "bidi_streaming") waitsForBody(stream);
    carryCall(stream, headers, method);
    return true;
  };
}

function isPlain(headers: IncomingHttpHeaders): boolean {
  const isPost = headers[":method"] === "POST" && headers.expect === undefined;
  const isOfPage = headers.origin !== undefined;
  const isOfGrpc = types.test(headers["content-type"] ?? "") && headers["grpc-encoding"] !== "br";
  return isPost && !isOfPage && isOfGrpc;
}
