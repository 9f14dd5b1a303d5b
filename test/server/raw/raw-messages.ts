import type { DescMethod, DescMethodStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { createConnectTransport, type createGrpcWebTransport } from "@connectrpc/connect-web";
import type { ServiceError } from "@grpc/grpc-js";

import type { RawMessage, SendRaw } from "../../api/conformance/conformance-subject.ts";
import { takeUntil } from "../../api/expect-refusal.ts";
import { enveloped } from "../../support/network/enveloped.ts";
import type { Reach } from "../../support/process/run-service.ts";
import { rawGrpc } from "../grpc/raw-grpc.ts";

/** Sends bytes as they are over Connect or gRPC-Web; how they are refused is read as ever. */
export function rawOverHttp(createTransport: CreateTransport, { httpUrl }: Reach): SendRaw {
  return async (method, sent) => {
    const isUnary = method.methodKind === "unary";
    const isBare = isUnary && createTransport === createConnectTransport;
    const body = isBare ? sent.bytes : enveloped(sent.bytes);
    const transport = createTransport({
      baseUrl: httpUrl(""),
      useBinaryFormat: sent.format === "binary",
      fetch: (input, init) => fetch(input, { ...init, body: Buffer.from(body) }),
    });
    if (isUnary) {
      const unary = method as DescMethodUnary;
      return await transport.unary(unary, undefined, undefined, undefined, {});
    }
    return await drained(transport, method as DescMethodStreaming);
  };
}

type CreateTransport = typeof createConnectTransport | typeof createGrpcWebTransport;

async function drained(transport: Transport, method: DescMethodStreaming): Promise<unknown> {
  const { message } = await transport.stream(method, undefined, undefined, undefined, nothing());
  return await takeUntil(message, () => false);
}

async function* nothing(): AsyncGenerator<Record<string, unknown>> {
  yield {};
}

/** Sends bytes as they are over gRPC, also to methods that stream. */
export async function rawOverGrpc(
  { addresses }: Reach,
  { parent, name }: DescMethod,
  { bytes }: RawMessage,
): Promise<unknown> {
  using client = rawGrpc(addresses.grpc);
  return await client.unary(`/${parent.typeName}/${name}`, bytes).catch((error: ServiceError) => {
    const [details] = error.metadata.get("grpc-status-details-bin");
    const trailers = new Headers({ "grpc-status": String(error.code) });
    trailers.set("grpc-message", encodeURIComponent(error.details));
    if (details !== undefined) {
      trailers.set("grpc-status-details-bin", Buffer.from(details).toString("base64"));
    }
    throw findTrailerError(trailers) ?? error;
  });
}
