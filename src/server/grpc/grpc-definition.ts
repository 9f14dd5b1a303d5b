import type { DescService } from "@bufbuild/protobuf";
import type { ServiceDefinition } from "@grpc/grpc-js";

/**
 * A service as grpc-js knows it. Messages pass through as they come and go: the
 * handlers of {@link grpcHandlers} read and write them, so that unreadable ones are refused in our
 * own words.
 */
export function grpcDefinition(service: DescService): ServiceDefinition {
  const methods = service.methods.map((method) => [
    method.localName,
    {
      path: `/${service.typeName}/${method.name}`,
      requestStream: method.methodKind === "bidi_streaming",
      responseStream: method.methodKind !== "unary",
      requestSerialize: unchanged,
      requestDeserialize: unchanged,
      responseSerialize: unchanged,
      responseDeserialize: unchanged,
    },
  ]);
  return Object.fromEntries(methods);
}

function unchanged(message: Buffer): Buffer {
  return message;
}
