import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { Server, type Socket } from "node:net";

import type { FastifyServerFactory } from "fastify";

import type { Budgets } from "../../budget/budgets.ts";
import { ChurnSet } from "../../collections/churn-set.ts";
import type { ConnectionOptions } from "../door.ts";
import { http2StreamOf } from "../http2/carried.ts";
import { SecureConnections, type SecureConnectionsOptions } from "../http2/secure-connections.ts";
import type { Outbox } from "../outbox.ts";
import type { TlsIdentity } from "../tls/tls-identity.ts";
import { Arrivals } from "./arrivals.ts";
import { bodyBegins } from "./body-ahead.ts";
import { Crowd } from "./crowd.ts";
import { endConnectionInTurn, leaveInTurn } from "./leave-in-turn.ts";
import { expectRefusal, refusalBody, refuseTunnel, refuseUnparsed } from "./parser-refusal.ts";
import { partBytes, readInParts } from "./read-in-parts.ts";
import { resetConnection } from "./reset-connection.ts";
import { boundSmallChunks } from "./small-chunks.ts";
import type { Work } from "./waiting-work.ts";

/** How often requests are looked for that take too long to arrive. */
const checkEveryMs = 1_000;
/** How long a connection may be idle between two requests. */
const keepAliveMs = 72_000;
/** How long a connection may take to its first request while the door is full. */
const unusedMs = 500;

export interface HttpConnectionsOptions extends ConnectionOptions {
  /** Undefined: the door speaks in clear, and HTTP/1.1 alone. */
  readonly tls?: TlsIdentity | undefined;
  /** Called with each connection that HTTP/2 itself ended, and why. */
  readonly onTransportError?: (detail: string) => void;
  /** Carries a call over HTTP/2 past the handler; says whether it did. */
  readonly carries?: SecureConnectionsOptions["carries"];
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** The connections of a door over HTTP, and what is under way on those over HTTP/1.1. */
export class HttpConnections {
  /** Makes the servers of the door: one, or one for each address of `localhost`. */
  readonly serverFactory: FastifyServerFactory = (handler) => {
    const http1 = this.#http1(handler);
    const server = this.#secured(http1, handler);
    server.on("drop", this.#options.onDropped);
    server.maxConnections =
      this.#secure === undefined ? this.#crowd.acceptedMax : this.#options.connectionsMax;
    this.#servers.push(server);
    return server as HttpServer;
  };

  readonly #options: HttpConnectionsOptions;
  readonly #budgets: Budgets;
  readonly #outbox: Outbox;
  readonly #arrivals: Arrivals;
  /** Undefined for a door in clear. */
  readonly #secure: SecureConnections | undefined;
  readonly #servers: Server[] = [];
  readonly #underWay = new ChurnSet<ServerResponse>();
  readonly #crowd: Crowd;
  /** Calls that came before the one in front of them was answered; the first one has begun. */
  readonly #queues = new WeakMap<Socket, Work[]>();
  #isLeaving = false;
  /** Called when a connection or a response has closed. */
  #onClosed: (() => void)[] = [];

  constructor(options: HttpConnectionsOptions, outbox: Outbox) {
    this.#options = options;
    this.#budgets = outbox.budgets;
    this.#outbox = outbox;
    const {
      sleep,
      turns,
      tls,
      onTransportError = () => undefined,
      carries = () => false,
    } = options;
    this.#arrivals = new Arrivals(sleep);
    this.#crowd = new Crowd(options);
    const parts = { outbox, arrivals: this.#arrivals, turns, sleep };
    const limits = { idleMs: keepAliveMs, onTransportError, carries };
    this.#secure = tls && new SecureConnections({ tls, ...parts, ...limits });
  }

  /** The body of the call may go on for as long as it likes. */
  mayGoOn(request: IncomingMessage): void {
    const stream = http2StreamOf(request);
    if (stream !== undefined) this.#secure?.mayGoOn(stream);
  }

  /** The body of a call that is carried past the handler has to come whole in time. */
  waitsForBody(stream: ServerHttp2Stream): void {
    this.#secure?.waitsForBody(stream);
  }

  /** What has come of the body so far has been read. */
  hasRead(request: IncomingMessage): void {
    const stream = http2StreamOf(request);
    if (stream !== undefined) this.#secure?.hasRead(stream);
  }

  #secured(http1: HttpServer, handler: Handler): Server {
    if (this.#secure === undefined) return http1;
    const server = this.#secure.server(http1, handler);
    return Object.assign(server, {
      closeAllConnections: () => {
        http1.closeAllConnections();
        // It listens for nothing: what ends is that it looks after its connections.
        http1.close();
        this.#secure?.cutOff();
      },
    });
  }

  #http1(handler: Handler): HttpServer {
    const timeoutMs = this.#budgets.limit("request_ms");
    const server = createServer({
      // Node would swap the two if that of the headers were above the other.
      headersTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      connectionsCheckingInterval: checkEveryMs,
      // Longer than balancers keep a connection that is not used, so that they close it first.
      keepAliveTimeout: keepAliveMs,
      maxHeaderSize: this.#budgets.limit("header_bytes"),
      // Its own refusal has no words: see below.
      requireHostHeader: false,
    });
    server.on("clientError", (error, socket: Socket) =>
      refuseUnparsed(error, socket, this.#budgets),
    );
    server.on("connect", (_request, socket: Socket) => refuseTunnel(socket));
    server.on("checkExpectation", (_request, response) => refuse(response, 417, expectRefusal));
    server.on("connection", (socket) => {
      if (!this.#crowd.admit(socket)) return;
      readInParts(socket, this.#options.turns, () => this.#hasEnough(socket));
      endConnectionInTurn(socket, this.#options.turns);
      this.#connected(socket);
    });
    server.on("request", (request, response) => {
      bodyBegins(request.socket, request.headers["content-length"], partBytes);
      this.#called(request.socket, response);
      boundSmallChunks(request, this.#budgets, () => resetConnection(request.socket));
      this.#inOrder(request.socket, response, () => {
        if (request.socket.destroyed) return false;
        if (lacksHost(request)) refuse(response, 400, '"host" must be set');
        else
          this.#arrivals.called(() => {
            // Its caller may have left while a drain held it back.
            if (!request.socket.destroyed) handler(request, response);
          });
        return true;
      });
    });
    return server;
  }

  /**
   * Serves until no more connections arrive, and marks each answer as the last of its connection.
   * Then closes the listeners, and resolves when every connection has been answered.
   */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    for (const response of this.#underWay) closeAfter(response);
    await this.#arrivals.end(() => {
      // That of HTTP would close connections whose first request is on its way.
      for (const server of this.#servers) Server.prototype.close.call(server);
    });
    const waited = new AbortController();
    const late = this.#options.sleep(unusedMs, waited.signal);
    await Promise.race([this.#until(() => this.#crowd.unused === 0), late]);
    waited.abort();
    await Promise.all([this.#until(() => this.#underWay.size === 0), this.#secure?.leave()]);
  }

  /** Resolves when what has been written so far has had its turn to leave. */
  async answered(): Promise<void> {
    const isDone = (): boolean => this.#underWay.size === 0 && this.#secure?.isIdle !== false;
    for (let turn = 0; turn < 10 && !isDone(); turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #connected(socket: Socket): void {
    this.#arrivals.connected();
    socket.once("close", () => {
      this.#crowd.leave(socket);
      this.#closed();
    });
  }

  #called(socket: Socket, response: ServerResponse): void {
    leaveInTurn(response, socket, this.#options.turns);
    this.#crowd.begin(socket);
    this.#underWay.add(response);
    if (this.#isLeaving) closeAfter(response);
    this.#closed();
    response.once("prefinish", () => {
      if (!response.writableFinished && response.socket !== null) this.#waits(socket, response);
    });
    response.once("close", () => {
      this.#outbox.ended(response);
      this.#underWay.delete(response);
      this.#closed();
    });
  }

  /** What of an answer has not left is held against its reader. */
  #waits(socket: Socket, response: ServerResponse): void {
    const giveUp = (): void => resetConnection(socket);
    this.#outbox.waits(response, giveUp);
    const held = this.#outbox.open(socket, response);
    // It is too late for a refusal: the answer stands in the way.
    if (held.reach(response.writableLength) !== undefined) giveUp();
  }

  /**
   * Begins the calls of a connection one after the other, for their answers have to be in that order.
   * Where too many wait, no more is read of the connection.
   */
  #inOrder(socket: Socket, response: ServerResponse, begin: Work): void {
    const queue = this.#queues.get(socket) ?? [];
    this.#queues.set(socket, queue);
    response.once("close", () => {
      queue.shift();
      if (queue.length < this.#budgets.limit("queued_calls") && !socket.destroyed) socket.resume();
      const [next] = queue;
      if (next !== undefined) this.#options.turns.begin(socket, next);
      else this.#crowd.rest(socket);
    });
    if (queue.push(begin) === 1) this.#options.turns.begin(socket, begin);
  }

  #hasEnough(socket: Socket): boolean {
    const waiting = (this.#queues.get(socket)?.length ?? 0) - 1;
    return !this.#budgets.allows("queued_calls", waiting);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#onClosed.push(resolve));
  }

  #closed(): void {
    const waiting = this.#onClosed;
    this.#onClosed = [];
    for (const resume of waiting) resume();
  }
}

/** HTTP/1.1 asks for it. */
function lacksHost({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === "1.1" && headers.host === undefined;
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const body = refusalBody(message);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  });
  response.end(body);
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
}
