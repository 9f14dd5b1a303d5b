import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

/** The one connection of a process to the service's internal door. */
export interface GrpcLink {
  readonly transport: Transport;
  close(): void;
}

/**
 * How soon a connection is given up on which nothing comes back, not even the answer to a ping:
 * well before the silence of its process would count against a fast path.
 */
const pings = { pingIntervalMs: 5_000, pingTimeoutMs: 5_000 } as const;

/**
 * Opens when it is first used, and again after it broke. Whoever was at its other end may be gone
 * without a word, or stand still: the next connection may lead to another replica.
 */
export function openGrpcLink(grpcUrl: string): GrpcLink {
  const sessionManager = new Http2SessionManager(grpcUrl, pings);
  return {
    transport: createGrpcTransport({ baseUrl: grpcUrl, sessionManager }),
    close: () => sessionManager.abort(),
  };
}
