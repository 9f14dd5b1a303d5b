import type { AddressInfo } from "node:net";

import type { FastifyInstance } from "fastify";

import type { ListenAddress } from "../settings/listen-address.ts";
import { refuseUnknownRoute } from "./json-refusal.ts";

export function boundAddress(app: FastifyInstance, { host }: ListenAddress): ListenAddress {
  const { port } = app.server.address() as AddressInfo;
  return { host, port };
}

/**
 * Refuses requests for routes that do not exist before anything else of them is looked at. Old
 * clients know 404 alone for what a service does not have, so that a route with another method is
 * one that does not exist, too.
 */
export function refuseUnknownRoutes(app: FastifyInstance): void {
  app.setNotFoundHandler((_request, reply) => refuseUnknownRoute(reply));
  app.addHook("onRequest", async ({ is404 }, reply) =>
    is404 ? refuseUnknownRoute(reply) : undefined,
  );
}
