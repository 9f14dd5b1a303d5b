import { type IncomingMessage, maxHeaderSize, type ServerResponse } from "node:http";

import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  cors as connectCors,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import fastifyCors from "@fastify/cors";
import fastifyHelmet from "@fastify/helmet";
import { type FastifyInstance, fastify } from "fastify";

import type { Call, DirectStream } from "../../api/call/handlers.ts";
import type { ListenAddress } from "../../settings/listen-address.ts";
import { admitDeadline } from "../call-deadline.ts";
import { HttpConnections, type HttpConnectionsOptions } from "../connections/http-connections.ts";
import type { CallAfter, Door } from "../door.ts";
import { boundAddress, nameAnswers, refuseUnknownRoutes } from "../fastify-door.ts";
import { grpcMethods } from "../grpc/grpc-methods.ts";
import { endOf, goingAway } from "../guard.ts";
import { connectionOf, http2StreamOf, resetAnswer } from "../http2/carried.ts";
import { directStream } from "../http2/direct-stream.ts";
import type { Intake } from "../intake/intake.ts";
import { badRequest, refuseForeignOrigin, refuseJson } from "../json-refusal.ts";
import type { Outbox } from "../outbox.ts";
import type { ServedService } from "../served-service.ts";
import type { OriginRule } from "./cors-policy.ts";
import { directResponse } from "./direct-response.ts";
import { holdWrites } from "./held-writes.ts";
import { addLegacyRoutes, type LegacyRoutesOptions } from "./legacy-routes.ts";
import { pageHeaders } from "./page-headers.ts";
import { addPage } from "./page-routes.ts";
import { tolerateParting } from "./parting.ts";
import { plainGrpc } from "./plain-grpc.ts";
import { RequestBody } from "./request-body.ts";
import { admitRpc, rpcsByPath } from "./rpc-request.ts";

export interface PublicDoorOptions {
  readonly listen: ListenAddress;
  readonly services: readonly ServedService[];
  readonly legacy: LegacyRoutesOptions;
  readonly mayCall: OriginRule;
  /** Where the built page is, if it is. */
  readonly pageFolder: string;
  readonly connections: HttpConnectionsOptions;
  readonly intake: Intake;
  readonly outbox: Outbox;
  readonly callAfter: CallAfter;
  readonly onBug: (error: unknown) => void;
}

/** Ids over their limit are refused by name, so any that HTTP lets in has to reach its route. */
const routeParamLengthMax = maxHeaderSize;

/**
 * Proxies pass every answer on as it comes: they keep none back to fill a buffer or to compress it,
 * since a stream would not get through, and serve none again.
 */
const passedOnAtOnce = {
  "x-accel-buffering": "no",
  "cache-control": "no-store, no-transform",
} as const;

/**
 * Opens the public door: Connect, gRPC-Web, the old JSON routes and the page, over HTTP/1.1 in clear.
 * With TLS also over HTTP/2, and then gRPC.
 */
export async function openPublicDoor(options: PublicDoorOptions): Promise<Door> {
  const { listen, legacy, intake, outbox, onBug } = options;
  const methods = grpcMethods(options.services, { intake, outbox, callAfter: options.callAfter });
  const carries = plainGrpc(methods, (stream) => connections.waitsForBody(stream));
  const connections = new HttpConnections({ ...options.connections, carries }, outbox);
  const app = fastify({
    serverFactory: connections.serverFactory,
    bodyLimit: intake.budgets.limit("message_bytes"),
    forceCloseConnections: true,
    // The connections see to it, for every server of the door.
    clientErrorHandler: () => undefined,
    routerOptions: { maxParamLength: routeParamLengthMax },
    frameworkErrors: (error, _request, reply) => void refuseJson(error, reply, onBug),
  });
  app.setErrorHandler((error, _request, reply) => refuseJson(error, reply, onBug));
  const shutdown = new AbortController();

  nameAnswers(app);
  app.addHook("onRequest", async (_request, reply) => void reply.headers(passedOnAtOnce));
  await app.register(fastifyHelmet, pageHeaders(options.connections.tls !== undefined));
  await admitPages(app, options.mayCall);
  await app.register(async (scope) => {
    const rpcs = rpcsByPath(options.services);
    const responses = new WeakMap<IncomingMessage, ServerResponse>();
    scope.addHook("onRequest", async ({ raw, routeOptions }, reply) => {
      tolerateParting(reply.raw);
      const rpc = rpcs.get(routeOptions.url ?? "");
      if (rpc !== undefined) admitRpc(rpc, raw);
      if (rpc?.methodKind === "bidi_streaming") connections.mayGoOn(raw);
      admitHost(raw);
    });
    // The plugin reads from a body that is set, instead of from the socket.
    scope.addHook("preHandler", async (request, reply) => {
      const answer = outbox.open(connectionOf(request.raw), reply.raw);
      const giveUp = (): void => resetAnswer(reply.raw);
      const onAnswered = (): void => outbox.waits(reply.raw, giveUp);
      const fault = admitDeadline(request.raw.headers);
      const onRead = (): void => connections.hasRead(request.raw);
      const ways = { intake, answer, onAnswered, onRead, fault };
      const isBidi = rpcs.get(request.routeOptions.url ?? "")?.methodKind === "bidi_streaming";
      if (isBidi) holdWrites(reply.raw, answer, outbox);
      request.body = new RequestBody(request.raw, reply.raw, ways);
      responses.set(request.raw, reply.raw);
    });
    await scope.register(fastifyConnectPlugin, {
      // Answers are not compressed: a page would keep another thread busy for a third of a second.
      acceptCompression: [],
      shutdownSignal: shutdown.signal,
      contextValues: ({ raw, body }) =>
        createContextValues()
          .set(responseKey, responses.get(raw))
          .set(bodyKey, body as RequestBody),
      requestGate: ({ method, values }) => admit(method, values.get(bodyKey)),
      routes: (router) => {
        for (const { service, handler } of options.services) {
          router.service(service, connectImplementation(service, handler));
        }
      },
    });
  });
  await app.register(async (scope) => addLegacyRoutes(scope, legacy, intake));
  await app.register(async (scope) => addPage(scope, options.pageFolder));
  await app.listen({ host: listen.host, port: listen.port });
  return {
    address: boundAddress(app, listen),
    finish: () => connections.leave(),
    async cutOff() {
      shutdown.abort(goingAway());
      await connections.answered();
      await app.close();
    },
  };
}

/**
 * The stack makes a URL of the host, by which nothing is decided, and answers nothing where it
 * cannot. HTTP/1.0 does without one, as many health checks and old proxies do.
 */
function admitHost(request: IncomingMessage): void {
  const { headers, url = "" } = request;
  const name = http2StreamOf(request) === undefined ? "host" : ":authority";
  const host = String(headers[name] || headers.host || "localhost");
  if (!URL.canParse(url, `http://${host}`)) throw badRequest(`"${name}" must name a host`);
  headers[name] = host;
}

/** What a page may say of a request besides: its name, and the trace that it is part of. */
const ofTheRequest = ["X-Request-Id", "Traceparent", "Tracestate"];

/**
 * Browsers ask before most calls, and hide the answers to the rest from pages that may not see
 * them. Those calls would still take effect, so they are turned away here.
 */
async function admitPages(app: FastifyInstance, mayCall: OriginRule): Promise<void> {
  await app.register(fastifyCors, {
    origin: (origin, decide) => decide(null, origin !== undefined && mayCall(origin)),
    methods: [...connectCors.allowedMethods, "DELETE"],
    allowedHeaders: [...connectCors.allowedHeaders, "Authorization", ...ofTheRequest],
    exposedHeaders: [...connectCors.exposedHeaders, "Retry-After", "X-Request-Id"],
    maxAge: 7200,
    // What is no preflight is a request for a route that does not exist.
    strictPreflight: false,
  });
  refuseUnknownRoutes(app);
  app.addHook("onRequest", async ({ headers: { origin }, host }, reply) => {
    if (origin !== undefined && !mayCall(origin, host)) return refuseForeignOrigin(reply);
    return undefined;
  });
}

async function admit(method: DescMethod, body: RequestBody | undefined): Promise<void> {
  if (method.methodKind === "bidi_streaming") return body?.admitStream(method.input);
  await body?.admit(method.input);
  // A stream outlives its request, and what it keeps of that is bounded by itself.
  if (method.methodKind !== "unary") body?.end();
}

/** The stack's own is empty: see {@link RequestBody}. */
function messageIn({ values, method }: HandlerContext): unknown {
  const body = values.get(bodyKey);
  return method.methodKind === "bidi_streaming" ? body?.messages : body?.message;
}

const responseKey = createContextKey<ServerResponse | undefined>(undefined);
const bodyKey = createContextKey<RequestBody | undefined>(undefined);

function connectImplementation(
  service: DescService,
  handler: ServedService["handler"],
): Partial<ServiceImpl<DescService>> {
  const methods = service.methods.map((method) => {
    const handle = handler(method);
    const carry = (_empty: unknown, context: HandlerContext): unknown =>
      handle(messageIn(context), callIn(context));
    const carryStates = (empty: unknown, context: HandlerContext): unknown =>
      endingInTime(carry(empty, context) as AsyncIterable<unknown>, context);
    const carryOne = async (_empty: unknown, context: HandlerContext): Promise<unknown> => {
      const answer = await handle(messageIn(context), callIn(context));
      context.values.get(bodyKey)?.onAnswered();
      // An answer that comes late is none, as on the internal door.
      if (context.signal.aborted) throw endOf(context.signal);
      return answer;
    };
    const ways = { unary: carryOne, server_streaming: carryStates } as const;
    const { localName, methodKind } = method;
    return [localName, (ways as Partial<Record<string, typeof carry>>)[methodKind] ?? carry];
  });
  return Object.fromEntries(methods);
}

/**
 * States of which only the newest counts, by a source that sees to its readers itself. When they end,
 * the end waits behind what is unread, and is given up as other answers are.
 */
async function* endingInTime(
  states: AsyncIterable<unknown>,
  { values }: HandlerContext,
): AsyncGenerator<unknown> {
  try {
    yield* states;
  } finally {
    values.get(bodyKey)?.onAnswered();
  }
}

/** JSON takes so much more than what is held for an answer in binary, at most. */
const jsonFactor = 3;

function callIn({ signal, requestHeader, values }: HandlerContext): Call {
  const response = values.get(responseKey);
  const format = /\bjson\b/i.test(requestHeader.get("content-type") ?? "") ? "json" : "binary";
  const factor = format === "json" ? jsonFactor : 1;
  return {
    signal,
    requestHeader,
    format,
    connection: response && http2StreamOf(response)?.session,
    direct: () => response && directly(response, format),
    holdAnswer: (bytes) => values.get(bodyKey)?.answer.take(bytes * factor),
    reset: () => response && resetAnswer(response),
  };
}

function directly(response: ServerResponse, format: DirectStream["format"]): DirectStream {
  const stream = http2StreamOf(response);
  return stream === undefined ? directResponse(response, format) : directStream(stream, format);
}
