import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { LegacyAnswer, LegacyApi } from "../../api/legacy/legacy-api.ts";
import type { LegacyRequest } from "../../api/legacy/legacy-parse.ts";
import { refusalToLegacy } from "../../api/refusal/error-mapping.ts";
import type { OpenScope } from "../../observe/call-scope.ts";
import type { CallFigures } from "../../observe/metrics/call-metrics.ts";
import { requestIdHeader } from "../../observe/requests.ts";
import { countAnswers } from "../fastify-door.ts";
import { spent } from "../held-bytes.ts";
import { headersOf } from "../http-headers.ts";
import { connectionOf } from "../http2/carried.ts";
import type { Intake } from "../intake/intake.ts";
import { badRequest, refuseJson } from "../json-refusal.ts";

/** What a legacy route may answer with, whichever it is. */
type Answer = Promise<LegacyAnswer<unknown>>;

export interface LegacyRoutesOptions {
  readonly api: LegacyApi;
  /** What is kept of the calls of a route, such as `POST /sessions/:id/controller/lease`. */
  readonly figuresOf: (route: string) => CallFigures;
  /** What surrounds the requests for a route. */
  readonly scopesOf: (method: string, route: string) => OpenScope;
  /** Called with the error behind a 500. */
  readonly onBug: (error: unknown) => void;
}

/**
 * Mounts the old JSON routes. They only carry: what a request means, and what it comes to, is
 * decided behind `api`. Give them a scope of their own: they read every content type as JSON.
 */
export function addLegacyRoutes(
  scope: FastifyInstance,
  { api, figuresOf, scopesOf, onBug }: LegacyRoutesOptions,
  intake: Intake,
): void {
  readEverythingAsJson(scope);
  holdBodies(scope, intake);
  scope.setErrorHandler((error, _request, reply) => {
    if (isTooLong(error)) intake.budgets.refuse("legacy_body_bytes");
    return refuseJson(error, reply, onBug);
  });
  countAnswers(scope, figuresOf);

  const route = (
    method: "POST" | "DELETE",
    url: string,
    call: (request: LegacyRequest) => Answer,
  ): void => {
    const path = `/sessions/:id${url}`;
    const open = scopesOf(method, path);
    scope.route<{ Params: { id: string } }>({
      method,
      url: path,
      bodyLimit: intake.budgets.limit("legacy_body_bytes"),
      handler: (request, reply) => serve({ request, reply, open, call, onBug }),
    });
  };
  route("POST", "/controller-handshake", (request) => api.acquireByHandshake(request));
  route("DELETE", "/controller-handshake", (request) => api.releaseHandshake(request));
  route("POST", "/controller-handshake/renew", (request) => api.renewHandshake(request));
  route("POST", "/controller/lease", (request) => api.acquireLease(request));
  route("DELETE", "/controller/lease", (request) => api.releaseLease(request));
}

interface Served extends Pick<LegacyRoutesOptions, "onBug"> {
  readonly request: FastifyRequest<{ Params: { id: string } }>;
  readonly reply: FastifyReply;
  readonly open: OpenScope;
  readonly call: (request: LegacyRequest) => Answer;
}

/** An internal error is answered with the id under which it is in the log. */
async function serve({ request, reply, open, call, onBug }: Served): Promise<FastifyReply> {
  const asked = toLegacyRequest(request);
  const scope = open(asked);
  try {
    const answer = await scope.run(() => call(asked));
    scope.end(answer.status, answer.status >= 500 ? String(answer.status) : undefined);
    return send(reply, answer);
  } catch (error) {
    scope.end(500, "500");
    reply.header(requestIdHeader, scope.id);
    return scope.run(() => refuseJson(error, reply, onBug));
  }
}

/** Holds each body against its caller from before it is read; one in chunks at its longest. */
function holdBodies(scope: FastifyInstance, intake: Intake): void {
  const bytesMax = intake.budgets.limit("legacy_body_bytes");
  scope.addHook("onRequest", async ({ raw }, reply) => {
    const isChunked = raw.headers["transfer-encoding"] !== undefined;
    const bytes = isChunked ? bytesMax : Number(raw.headers["content-length"] ?? 0);
    const held = intake.open(connectionOf(raw), reply.raw);
    const what = held.tryTake(Math.min(bytes, bytesMax));
    return what === undefined ? undefined : send(reply, refusalToLegacy(spent(what)));
  });
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && "statusCode" in error && error.statusCode === 413;
}

/** Old clients and curl users forget the content type, or send that of a form. */
function readEverythingAsJson(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => {
    const text = body.toString();
    if (text.trim() === "") return done(null, undefined);
    try {
      done(null, JSON.parse(text));
    } catch {
      done(badRequest('"body" must be JSON'));
    }
  });
}

function toLegacyRequest(request: FastifyRequest<{ Params: { id: string } }>): LegacyRequest {
  return {
    sessionId: request.params.id,
    body: request.body,
    query: request.query,
    requestHeader: headersOf(request.headers),
  };
}

function send(reply: FastifyReply, answer: LegacyAnswer<unknown>): FastifyReply {
  if (answer.retryAfterSeconds !== undefined) reply.header("retry-after", answer.retryAfterSeconds);
  return reply.code(answer.status).send(answer.body);
}
