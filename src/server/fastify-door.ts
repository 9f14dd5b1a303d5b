import type { AddressInfo } from "node:net";

import type { FastifyInstance } from "fastify";

import type { CallFigures } from "../observe/metrics/call-metrics.ts";
import { requestIdHeader, saneRequestId } from "../observe/requests.ts";
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

/**
 * Counts and times the answers to requests, by method and route, such as
 * `POST /sessions/:id/controller/lease`. Routes that do not exist are one.
 */
export function countAnswers(
  app: FastifyInstance,
  figuresOf: (route: string) => CallFigures,
): void {
  const known = new Map<string, CallFigures>();
  app.addHook("onResponse", async ({ method, is404, routeOptions }, reply) => {
    const route = is404 ? "unknown route" : `${method} ${routeOptions.url}`;
    let figures = known.get(route);
    if (figures === undefined) {
      figures = figuresOf(route);
      known.set(route, figures);
    }
    figures.ended(String(reply.statusCode));
    figures.took(reply.elapsedTime);
  });
}

/** Answers whoever names a request with that name, whatever becomes of it. */
export function nameAnswers(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ headers }, { raw }) => {
    const id = saneRequestId(headers[requestIdHeader]);
    if (id !== undefined) raw.setHeader(requestIdHeader, id);
  });
}
