import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { testApiConformance } from "../../api/conformance/api-conformance.ts";
import type {
  ConformanceOptions,
  ConformanceSubject,
  SendRaw,
} from "../../api/conformance/conformance-subject.ts";
import { type RunningService, runService } from "../../support/process/run-service.ts";
import { rawOverGrpc, rawOverHttp } from "../raw/raw-messages.ts";

interface Protocol extends ConformanceOptions {
  readonly name: string;
  readonly transport: (service: RunningService) => Transport;
  readonly raw: (service: RunningService) => SendRaw;
}

const protocols: readonly Protocol[] = [
  {
    name: "gRPC at the internal door",
    door: "internal",
    duplex: true,
    formats: ["binary"],
    transport: ({ grpc }) => grpc,
    raw: (service) => (method, sent) => rawOverGrpc(service, method, sent),
  },
  {
    name: "Connect at the public door",
    door: "public",
    duplex: false,
    formats: ["binary", "json"],
    transport: ({ connect }) => connect,
    raw: (service) => rawOverHttp(createConnectTransport, service),
  },
  {
    name: "gRPC-Web at the public door",
    door: "public",
    duplex: false,
    formats: ["binary", "json"],
    transport: ({ grpcWeb }) => grpcWeb,
    raw: (service) => rawOverHttp(createGrpcWebTransport, service),
  },
];

for (const { name, transport, raw, ...options } of protocols) {
  testApiConformance(name, options, async (): Promise<ConformanceSubject> => {
    const service = await runService({ store: "sqlite" });
    const over = transport(service);
    return {
      clients: {
        lease: service.client(ControllerLease, over),
        registry: service.client(FastPathRegistry, over),
      },
      sendRaw: raw(service),
      internal: { lease: service.lease, registry: service.registry },
      [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
    };
  });
}
