import type { AddressInfo } from "node:net";

import type { FastifyInstance } from "fastify";

import type { ListenAddress } from "../settings/listen-address.ts";

/** How long a request may take to arrive whole; answers may take as long as they like. */
export const requestTimeoutMs: number = 30_000;

export function boundAddress(app: FastifyInstance, { host }: ListenAddress): ListenAddress {
  const { port } = app.server.address() as AddressInfo;
  return { host, port };
}
