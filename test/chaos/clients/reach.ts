import { Agent } from "node:http";

import { createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import type { ReplicaRun } from "../fleet/replica.ts";
import type { Clients } from "./call.ts";

/** How a client speaks; managers, operators and agents use the internal door alone. */
export type Speech = "gRPC" | "Connect" | "gRPC-Web";

/** One client's connections to one run of a replica. */
export interface Reach extends Clients {
  /** Hangs up; calls under way fail. */
  close(): void;
}

/** @param reportsInPublic as hosts do; the public door hears nothing else of the registry */
export function openReach(run: ReplicaRun, speech: Speech, reportsInPublic: boolean): Reach {
  const grpcUrl = `http://127.0.0.1:${run.grpc.port}`;
  const sessions = new Http2SessionManager(grpcUrl);
  const internal = createGrpcTransport({ baseUrl: grpcUrl, sessionManager: sessions });
  const agent = new Agent({ keepAlive: true });
  const open = speech === "gRPC-Web" ? createGrpcWebTransport : createConnectTransport;
  const publicly = open({
    baseUrl: `http://127.0.0.1:${run.http.port}`,
    httpVersion: "1.1",
    nodeOptions: { agent },
  });
  return {
    lease: createClient(ControllerLease, speech === "gRPC" ? internal : publicly),
    registry: createClient(FastPathRegistry, reportsInPublic ? publicly : internal),
    close() {
      sessions.abort();
      agent.destroy();
    },
  };
}
