import { fastify } from "fastify";

import type { LeastLevel } from "../observe/log/logger.ts";
import type { CallFigures } from "../observe/metrics/call-metrics.ts";
import type { ListenAddress } from "../settings/listen-address.ts";
import type { LogLevel } from "../settings/log-levels.ts";
import { HttpConnections } from "./connections/http-connections.ts";
import type { ConnectionOptions, Door } from "./door.ts";
import { boundAddress, countAnswers, refuseUnknownRoutes } from "./fastify-door.ts";
import { badRequest, conflict, refuseForeignOrigin, refuseJson } from "./json-refusal.ts";
import { addLogLevel } from "./log-level-route.ts";
import type { Outbox } from "./outbox.ts";

/** What a process needs to serve. */
export type ReadyPart = "store" | "keys" | "drain";

/** Whether this process serves, why not, and what of its store is wrong though it does. */
export interface Readiness {
  readonly status: "ready" | "not ready";
  /** Each part that keeps it from serving, with what is the matter; left out when none does. */
  readonly not_ready?: Readonly<Partial<Record<ReadyPart, string>>>;
  /** Of how many parts of the store how many cannot be reached; left out when all can. */
  readonly store?: { readonly parts: number; readonly away: number };
  /** What to mend before it does harm; left out when there is nothing. */
  readonly warnings?: readonly string[];
}

/** What became of a backup; one that is refused is so with what would help. */
export type BackupOutcome =
  | { readonly kind: "done"; readonly path: string; readonly bytes: number }
  | { readonly kind: "bad name"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

export interface OpsDoorOptions {
  readonly listen: ListenAddress;
  readonly readiness: () => Readiness;
  /** The registry in the text format of Prometheus. */
  readonly metrics: { readonly contentType: string; readonly text: () => Promise<Buffer> };
  /** Copies the store to a file of that name beside it, and waits until that is on disk. */
  readonly backUp: (name: string) => Promise<BackupOutcome>;
  readonly logLevel: LeastLevel<LogLevel>;
  /** Begins to drain; the door does not wait for it. */
  readonly drain: () => void;
  /** What is kept of the calls of a route. */
  readonly figuresOf: (route: string) => CallFigures;
  readonly connections: ConnectionOptions;
  readonly outbox: Outbox;
  readonly onBug: (error: unknown) => void;
}

/** Nothing here is for a browser to show. */
const noPage = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
} as const;

/** Opens the operators' door: health for orchestrators, metrics, and orders to back up and drain. */
export async function openOpsDoor(options: OpsDoorOptions): Promise<Door> {
  const { listen, readiness, metrics, backUp, drain, onBug } = options;
  const connections = new HttpConnections(options.connections, options.outbox);
  const app = fastify({
    serverFactory: connections.serverFactory,
    forceCloseConnections: true,
    bodyLimit: 1024,
    // The connections see to it, for every server of the door.
    clientErrorHandler: () => undefined,
    frameworkErrors: (error, _request, reply) => void refuseJson(error, reply, onBug),
  });
  app.addHook("onRequest", async (_request, reply) => void reply.headers(noPage));
  countAnswers(app, options.figuresOf);
  refuseUnknownRoutes(app);
  // Orders have no body: whatever comes as one is let go.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, async () => undefined);
  app.setErrorHandler((error, _request, reply) => refuseJson(error, reply, onBug));
  // Any page in a browser on this machine could send a POST here; tools of operators are no pages.
  app.addHook("onRequest", async ({ headers: { origin } }, reply) =>
    origin === undefined ? undefined : refuseForeignOrigin(reply),
  );

  app.get("/healthz", async () => ({ status: "alive" }));
  app.get("/readyz", async (_request, reply) => {
    const answer = readiness();
    return reply.code(answer.status === "ready" ? 200 : 503).send(answer);
  });
  app.get("/metrics", async (_request, reply) => {
    const text = await metrics.text();
    return reply.header("content-type", metrics.contentType).send(text);
  });
  addLogLevel(app, options.logLevel);
  app.post<{ Querystring: { to?: unknown } }>("/backup", async ({ query: { to } }, reply) => {
    const outcome = await backUp(typeof to === "string" ? to : "");
    if (outcome.kind === "bad name") throw badRequest(outcome.why);
    if (outcome.kind === "refused") throw conflict(outcome.why);
    return reply.code(201).send({ path: outcome.path, bytes: outcome.bytes });
  });
  app.post("/drain", async (_request, reply) => {
    drain();
    return reply.code(202).send({ status: "draining" });
  });

  await app.listen({ host: listen.host, port: listen.port });
  return {
    address: boundAddress(app, listen),
    finish: () => connections.leave(),
    cutOff: () => app.close(),
  };
}
