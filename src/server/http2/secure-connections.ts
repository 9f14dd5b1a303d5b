import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";

import type { Budgets } from "../../budget/budgets.ts";
import { ChurnSet } from "../../collections/churn-set.ts";
import type { Arrivals } from "../connections/arrivals.ts";
import type { ConnectionTurns } from "../connections/connection-turns.ts";
import { expectRefusal, refusalBody, tunnelRefusal } from "../connections/parser-refusal.ts";
import { boundSmallChunks } from "../connections/small-chunks.ts";
import type { Sleep } from "../door.ts";
import type { Outbox } from "../outbox.ts";
import { Patience } from "../patience.ts";
import { endFailedHandshakes, handshakeOptions } from "../tls/handshakes.ts";
import type { TlsIdentity } from "../tls/tls-identity.ts";
import { type Admission, admitStreams } from "./admit-streams.ts";
import { closeInput } from "./close-input.ts";
import { OpenCalls } from "./open-calls.ts";
import { rejectsStreams } from "./rejected-streams.ts";
import { ResetBudget } from "./reset-budget.ts";
import { SessionCare } from "./session-care.ts";
import { onTransportError } from "./session-errors.ts";
import { giveNotice } from "./session-notice.ts";

/** Resets that a connection gets back in a second, of as many as it may have streams. */
const resetsPerSecond = 1_000;
/** Megabytes that one connection may hold in headers and windows. */
const sessionMegabytes = 32;

export interface SecureConnectionsOptions {
  readonly tls: TlsIdentity;
  readonly outbox: Outbox;
  readonly arrivals: Arrivals;
  readonly turns: ConnectionTurns;
  /** Carries a call over HTTP/2 past the handler; says whether it did. */
  readonly carries: NonNullable<Admission["carries"]>;
  /** How long a connection may be idle between two calls. */
  readonly idleMs: number;
  readonly sleep: Sleep;
  /** Called with each connection that HTTP/2 itself ended, and why. */
  readonly onTransportError: (detail: string) => void;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** The connections of a door that speaks TLS: those over HTTP/2, and how the others get there. */
export class SecureConnections {
  readonly #options: SecureConnectionsOptions;
  readonly #budgets: Budgets;
  readonly #care: SessionCare;
  readonly #bodies: Patience;
  readonly #calls: OpenCalls;
  readonly #resets: ResetBudget;
  readonly #closed = new AbortController();
  /** What connections come by, whatever has become of them. */
  readonly #sockets = new Set<Socket>();
  readonly #underWay = new ChurnSet<ServerHttp2Stream>();
  readonly #forgetChunks = new WeakMap<ServerHttp2Stream, () => void>();
  #isLeaving = false;
  #onIdle: (() => void) | undefined;

  constructor(options: SecureConnectionsOptions) {
    const { outbox, idleMs, sleep } = options;
    const { budgets } = outbox;
    this.#options = options;
    this.#budgets = budgets;
    this.#care = new SessionCare({ unusedMs: budgets.limit("request_ms"), idleMs });
    this.#bodies = new Patience(budgets, "request_ms");
    this.#calls = new OpenCalls(budgets, "open_streams");
    this.#resets = new ResetBudget(budgets);
    const { signal } = this.#closed;
    void this.#care.watch(sleep, signal);
    void this.#bodies.watch(sleep, signal);
    void this.#resets.refill(sleep, signal);
  }

  /** A server that hands connections over HTTP/1.1 to `http1`, once their handshake is done. */
  server(http1: HttpServer, handler: Handler): Http2SecureServer {
    const { tls, arrivals, turns } = this.#options;
    const streamsMax = this.#budgets.limit("connection_streams");
    const server = createSecureServer({
      ...tls.options,
      ...handshakeOptions({ budgets: this.#budgets, turns, protocols: ["h2", "http/1.1"] }),
      settings: {
        maxConcurrentStreams: streamsMax,
        maxHeaderListSize: this.#budgets.limit("header_bytes"),
      },
      ...rejectsStreams,
      streamResetBurst: streamsMax,
      streamResetRate: resetsPerSecond,
      maxSessionMemory: sessionMegabytes,
    });
    tls.certify(server);
    endFailedHandshakes(server, this.#budgets);
    onTransportError(server, this.#options.onTransportError);
    // It never listens itself, and Node looks for slow requests from this event on.
    http1.emit("listening");
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("unknownProtocol", (socket) => http1.emit("connection", socket));
    server.on("session", (session) => this.#connected(session));
    server.on("request", (request, response) => {
      describeBody(request);
      const answer = response as unknown as ServerResponse;
      this.#called(request.stream, answer);
      handler(request as unknown as IncomingMessage, answer);
    });
    server.on("connect", ({ stream }: Http2ServerRequest) => refuse(stream, 405, tunnelRefusal));
    server.on("checkExpectation", ({ stream }: Http2ServerRequest) =>
      refuse(stream, 417, expectRefusal),
    );
    admitStreams(server, {
      budgets: this.#budgets,
      arrivals,
      turns,
      resets: this.#resets,
      calls: this.#calls,
      refuses: () => false,
      carries: this.#options.carries,
      refuseForCalls: (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
    });
    server.prependListener("stream", (stream) => this.#opened(stream));
    return server;
  }

  /** The body of a call may go on for as long as it likes. */
  mayGoOn(stream: ServerHttp2Stream): void {
    this.#bodies.ended(stream);
  }

  /** What has come of a body so far has been read. */
  hasRead(stream: ServerHttp2Stream): void {
    this.#forgetChunks.get(stream)?.();
  }

  /** Has every peer open no more calls, and resolves when those under way have been answered. */
  async leave(): Promise<void> {
    await giveNotice(this.#care.sessions, this.#options.sleep);
    this.#isLeaving = true;
    for (const session of this.#care.sessions) session.close();
    if (this.isIdle) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  get isIdle(): boolean {
    return this.#underWay.size === 0;
  }

  /** Ends what is still there, also a handshake, and a session whose peer does not take its leave. */
  cutOff(): void {
    this.#closed.abort();
    for (const session of this.#care.sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #connected(session: ServerHttp2Session): void {
    this.#options.arrivals.connected();
    this.#care.add(session);
    if (this.#isLeaving) session.close();
  }

  /** Before its turn has come: many are opened only to be reset. */
  #opened(stream: ServerHttp2Stream): void {
    const session = stream.session as ServerHttp2Session | undefined;
    if (session === undefined || stream.closed) return;
    this.#care.began(session);
    this.#underWay.add(stream);
    stream.once("close", () => {
      this.#bodies.ended(stream);
      this.#care.ended(session);
      this.#underWay.delete(stream);
      if (this.isIdle) this.#onIdle?.();
    });
  }

  #called(stream: ServerHttp2Stream, response: ServerResponse): void {
    this.#brings(stream);
    const end = response.end.bind(response) as (...args: readonly unknown[]) => ServerResponse;
    response.end = (...args: readonly unknown[]) => {
      const ended = end(...args);
      if (!stream.destroyed && !stream.writableFinished) this.#waits(stream, response);
      return ended;
    };
    response.once("close", () => this.#options.outbox.ended(response));
    stream.once("wantTrailers", () => closeInput(stream));
  }

  /** Bounds the body of a call, before anybody reads it. */
  #brings(stream: ServerHttp2Stream): void {
    const giveUp = (): void => giveUpBody(stream);
    this.#forgetChunks.set(stream, boundSmallChunks(stream, this.#budgets, giveUp));
    this.waitsForBody(stream);
  }

  /** The body of a call has to come whole in time. */
  waitsForBody(stream: ServerHttp2Stream): void {
    if (stream.endAfterHeaders || stream.readableEnded) return;
    this.#bodies.waits(stream, giveUpBody);
    stream.once("end", () => this.#bodies.ended(stream));
  }

  /** What of an answer has not left is held against its reader. */
  #waits(stream: ServerHttp2Stream, response: ServerResponse): void {
    const { outbox } = this.#options;
    const giveUp = (): void => stream.close(constants.NGHTTP2_REFUSED_STREAM);
    outbox.waits(response, giveUp);
    const held = outbox.open(stream.session ?? stream, response);
    // It is too late for a refusal: the answer stands in the way.
    if (held.reach(stream.writableLength) !== undefined) giveUp();
  }
}

/** Says of a body without a length that there is one: Fastify looks for it in these headers alone. */
function describeBody({ headers, stream }: Http2ServerRequest): void {
  if (stream.endAfterHeaders || headers["content-length"] !== undefined) return;
  headers["transfer-encoding"] = "chunked";
}

function giveUpBody(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
}

function refuse(stream: ServerHttp2Stream, status: number, message: string): void {
  stream.respond({ ":status": status, "content-type": "application/json; charset=utf-8" });
  stream.end(refusalBody(message));
  closeInput(stream);
}
