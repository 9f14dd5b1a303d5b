import { createServer, type Server as HttpServer, type ServerResponse } from "node:http";
import { Server, type Socket } from "node:net";

import type { FastifyServerFactory } from "fastify";

import { Arrivals } from "./arrivals.ts";
import type { ConnectionOptions } from "./door.ts";
import { requestTimeoutMs } from "./fastify-door.ts";

/** How long a connection may take to its first request once nobody else can connect. */
const unusedMs = 500;

/** The connections of a door over HTTP/1.1, and what is under way on them. */
export class HttpConnections {
  /** Makes the servers of the door: one, or one for each address of `localhost`. */
  readonly serverFactory: FastifyServerFactory = (handler, options) => {
    const server = createServer(options.http ?? {});
    server.on("connection", (socket) => this.#connected(socket));
    server.on("request", (request, response) => {
      this.#called(request.socket, response);
      this.#arrivals.called(() => handler(request, response));
    });
    server.on("drop", this.#options.onDropped);
    server.maxConnections = this.#options.connectionsMax;
    server.requestTimeout = requestTimeoutMs;
    this.#servers.push(server);
    return server;
  };

  readonly #options: ConnectionOptions;
  readonly #arrivals: Arrivals;
  readonly #servers: HttpServer[] = [];
  readonly #underWay = new Set<ServerResponse>();
  /** Connections that have brought no request yet. */
  readonly #unused = new Set<Socket>();
  #isLeaving = false;
  /** Told when a connection or a response has closed. */
  #onClosed: (() => void)[] = [];

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options.sleep);
  }

  /**
   * Serves on until nobody comes, and has each answer say that its connection closes; then closes
   * the listeners, and resolves when everybody who had connected has been answered.
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
    await Promise.race([this.#until(() => this.#unused.size === 0), late]);
    waited.abort();
    await this.#until(() => this.#underWay.size === 0);
  }

  /** Resolves when what has been written so far has had its turn to leave. */
  async told(): Promise<void> {
    for (let turn = 0; turn < 10 && this.#underWay.size > 0; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #connected(socket: Socket): void {
    this.#arrivals.connected();
    this.#unused.add(socket);
    socket.once("close", () => {
      this.#unused.delete(socket);
      this.#closed();
    });
  }

  #called(socket: Socket, response: ServerResponse): void {
    this.#unused.delete(socket);
    this.#underWay.add(response);
    if (this.#isLeaving) closeAfter(response);
    this.#closed();
    response.once("close", () => {
      this.#underWay.delete(response);
      this.#closed();
    });
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#onClosed.push(resolve));
  }

  #closed(): void {
    const tell = this.#onClosed;
    this.#onClosed = [];
    for (const one of tell) one();
  }
}

function closeAfter(response: ServerResponse): void {
  if (!response.headersSent) response.shouldKeepAlive = false;
}
