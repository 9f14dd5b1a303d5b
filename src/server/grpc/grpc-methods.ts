import type { DescMethod, DescService } from "@bufbuild/protobuf";

import type { ServedService } from "../served-service.ts";
import { answerEncoder } from "./answer-encoder.ts";
import type { GrpcMethod, Ways } from "./grpc-method.ts";

/** The methods of a door, by the path at which each is called. */
export type GrpcMethods = ReadonlyMap<string, GrpcMethod>;

export function grpcMethods(services: readonly ServedService[], ways: Ways): GrpcMethods {
  return new Map(services.flatMap((served) => methodsOf(served, ways)));
}

function methodsOf({ service, handler }: ServedService, ways: Ways): [string, GrpcMethod][] {
  return service.methods.map((method) => [
    pathOf(service, method),
    {
      ...ways,
      kind: kindOf(method),
      handler: handler(method),
      read(packed, held) {
        const message = { desc: method.input, format: "binary" as const, ...packed };
        return ways.intake.readNow(message, held) ?? ways.intake.read(message, held);
      },
      encode: answerEncoder(method.output),
    },
  ]);
}

function pathOf(service: DescService, method: DescMethod): string {
  return `/${service.typeName}/${method.name}`;
}

function kindOf({ name, methodKind }: DescMethod): GrpcMethod["kind"] {
  if (methodKind !== "client_streaming") return methodKind;
  throw new Error(`${name}: no service of ours streams from clients alone`);
}
