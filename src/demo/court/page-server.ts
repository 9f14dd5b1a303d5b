import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";

import { courtInterventions, type Hindrance, type ToDemo } from "../pong/wire.ts";
import type { Court } from "./court.ts";
import { buildPage } from "./page-build.ts";
import { streamCourt } from "./page-stream.ts";

type Body<Kind extends ToDemo["kind"]> = { Body: Omit<Extract<ToDemo, { kind: Kind }>, "kind"> };

const streamsMax = 16;
const headers = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

/** Serves the page on loopback. Disposing it ends its streams. */
export async function servePage(
  court: Court,
  port: number,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = fastify({ forceCloseConnections: true, bodyLimit: 1_024 });
  server.addHook("onRequest", async (request, reply) => {
    reply.headers(headers);
    if (!isOwn(request)) return await reply.code(403).send(hindered("this is for its own page"));
  });
  addFiles(server);
  addStream(server, court);
  addAsks(server, court);
  const url = await server.listen({ host: "127.0.0.1", port });
  return {
    url: `${url}/`,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/**
 * Other sites must not look in or press buttons: not by a form or a script of theirs, nor by a name
 * of theirs that suddenly points to this machine.
 */
function isOwn({ headers, socket, method }: FastifyRequest): boolean {
  const { host, origin } = headers;
  const hosts = [`127.0.0.1:${socket.localPort}`, `localhost:${socket.localPort}`];
  if (host === undefined || !hosts.includes(host)) return false;
  return origin === undefined ? method === "GET" : origin === `http://${host}`;
}

/** The page is built when it is first asked for. */
function addFiles(server: FastifyInstance): void {
  let building: ReturnType<typeof buildPage> | undefined;
  server.get("/*", async (request, reply) => {
    building ??= buildPage();
    const file = (await building).get(request.url.split("?")[0] ?? "");
    if (file === undefined) return reply.code(404).send(hindered("there is no such file"));
    return reply.type(file.type).send(file.body);
  });
}

function addStream(server: FastifyInstance, court: Court): void {
  let streams = 0;
  server.get("/stream", (_request, reply) => {
    if (streams === streamsMax) return reply.code(503).send(hindered("too many pages look on"));
    streams += 1;
    reply.raw.on("close", () => {
      streams -= 1;
    });
    reply.hijack();
    reply.raw.writeHead(200, { ...headers, "content-type": "text/event-stream" });
    streamCourt(court, reply.raw);
    return reply;
  });
}

function addAsks(server: FastifyInstance, court: Court): void {
  server.post<Body<"intervention">>(
    "/intervention",
    { schema: bodyOf({ intervention: { enum: courtInterventions } }) },
    async (request, reply) => {
      const hindrance = await court.perform(request.body.intervention);
      return hindrance === undefined ? done(reply) : reply.code(409).send(hindered(hindrance));
    },
  );
  server.post<Body<"regime">>(
    "/regime",
    { schema: bodyOf({ regime: { enum: ["ours", "old"] } }) },
    async (request, reply) => {
      await court.switchTo(request.body.regime);
      return done(reply);
    },
  );
  server.post<Body<"move">>(
    "/move",
    { schema: bodyOf({ to: { type: "number" } }) },
    (request, reply) => {
      court.players.takeLeft(request.body.to);
      return done(reply);
    },
  );
}

function bodyOf(properties: Readonly<Record<string, object>>): { readonly body: object } {
  return { body: { type: "object", required: Object.keys(properties), properties } };
}

function done(reply: FastifyReply): FastifyReply {
  return reply.code(204).send();
}

function hindered(hindrance: string): Hindrance {
  return { hindrance };
}
