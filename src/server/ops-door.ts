import { fastify } from "fastify";

import type { ListenAddress } from "../settings/listen-address.ts";
import type { Door } from "./door.ts";
import { boundAddress, requestTimeoutMs, watchUnderWay } from "./fastify-door.ts";
import { refuseForeignOrigin, refuseJson, refuseUnknownRoute } from "./json-refusal.ts";

export type Readiness = "ready" | "draining" | "store unavailable";

export interface OpsDoorOptions {
  readonly listen: ListenAddress;
  readonly readiness: () => Promise<Readiness>;
  /** The registry in the text format of Prometheus. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Begins to drain; the door does not wait for it. */
  readonly drain: () => void;
  readonly onBug: (error: unknown) => void;
}

/** Opens the operators' door: health for orchestrators, metrics, and the order to drain. */
export async function openOpsDoor(options: OpsDoorOptions): Promise<Door> {
  const { listen, readiness, metrics, drain, onBug } = options;
  const app = fastify({
    forceCloseConnections: true,
    bodyLimit: 1024,
    requestTimeout: requestTimeoutMs,
  });
  const underWay = watchUnderWay(app);
  app.setNotFoundHandler((_request, reply) => refuseUnknownRoute(reply));
  app.setErrorHandler((error, _request, reply) => refuseJson(error, reply, onBug));
  // Any page in a browser on this machine could send a POST here; tools of operators are no pages.
  app.addHook("onRequest", async ({ headers: { origin } }, reply) =>
    origin === undefined ? undefined : refuseForeignOrigin(reply),
  );

  app.get("/healthz", async () => ({ status: "alive" }));
  app.get("/readyz", async (_request, reply) => {
    const status = await readiness();
    return reply.code(status === "ready" ? 200 : 503).send({ status });
  });
  app.get("/metrics", async (_request, reply) => {
    const { contentType, text } = await metrics();
    return reply.header("content-type", contentType).send(text);
  });
  app.post("/drain", async (_request, reply) => {
    drain();
    return reply.code(202).send({ status: "draining" });
  });

  await app.listen({ host: listen.host, port: listen.port });
  return {
    address: boundAddress(app, listen),
    finish: () => underWay.ended(),
    cutOff: () => app.close(),
  };
}
