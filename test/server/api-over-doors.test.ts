import type { Transport } from "@connectrpc/connect";

import type { Door } from "../../src/auth/authenticator.ts";
import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { testApiConformance } from "../api/api-conformance.ts";
import type { ConformanceSubject } from "../api/conformance-subject.ts";
import { type RunningService, runService } from "../support/run-service.ts";

interface Protocol {
  readonly name: string;
  readonly door: Door;
  readonly duplex: boolean;
  readonly transport: (service: RunningService) => Transport;
}

const protocols: readonly Protocol[] = [
  {
    name: "gRPC at the internal door",
    door: "internal",
    duplex: true,
    transport: ({ grpc }) => grpc,
  },
  {
    name: "Connect at the public door",
    door: "public",
    duplex: false,
    transport: ({ connect }) => connect,
  },
  {
    name: "gRPC-Web at the public door",
    door: "public",
    duplex: false,
    transport: ({ grpcWeb }) => grpcWeb,
  },
];

for (const { name, door, duplex, transport } of protocols) {
  testApiConformance(name, { door, duplex }, async (): Promise<ConformanceSubject> => {
    const service = await runService({ store: "sqlite" });
    const over = transport(service);
    return {
      clients: {
        lease: service.client(ControllerLease, over),
        registry: service.client(FastPathRegistry, over),
      },
      internal: { lease: service.lease, registry: service.registry },
      [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
    };
  });
}
