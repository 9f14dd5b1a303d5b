import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

/** A control message in a session's queue, as its host polls it. */
export interface QueuedControl {
  readonly control_id: string;
  readonly kind: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What Road does to the next requests. */
export interface RoadManners {
  /** Before a request is looked at. */
  readonly delayMs?: number;
  /** This status instead of an answer. */
  readonly status?: number;
  /** A control message is enqueued and the connection then cut, without an answer. */
  readonly losesAnswers?: boolean;
  /** A control message is enqueued so many times. */
  readonly copies?: number;
  /** This text instead of an answer. */
  readonly answer?: string;
}

/** A Beach Road of its own, with its real routes. Disposing it ends it. */
export interface FakeRoad extends AsyncDisposable {
  readonly url: string;
  /** How often each route was called so far, by `verify-code` and `control`. */
  readonly calls: Readonly<Record<RoadRoute, number>>;
  /** The headers of each request so far, by route. */
  readonly headers: Readonly<Record<RoadRoute, readonly IncomingHttpHeaders[]>>;
  /** Every text of a request so far. */
  readonly bodies: readonly string[];
  /** Makes a session known, with the code that opens it. */
  register(sessionId: string, code: string): void;
  /** From now on. */
  behave(manners: RoadManners): void;
  /** Everything that was ever put into the queue of a session. */
  queueOf(sessionId: string): readonly QueuedControl[];
  /** Resolves when that many messages have been put into the queue. */
  enqueued(sessionId: string, count: number): Promise<readonly QueuedControl[]>;
  /** The server ends, and another one begins later at the same address. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export type RoadRoute = "verify-code" | "control";

/**
 * Starts a Road on a free port of loopback. Besides the routes that the service calls, hosts poll
 * `GET /sessions/{id}/control?after=n`: the messages behind the n-th.
 */
export async function startFakeRoad(): Promise<FakeRoad> {
  const road = new RunningRoad();
  await road.start();
  return road;
}

interface RoadSession {
  readonly code: string;
  readonly queue: QueuedControl[];
}

class RunningRoad implements FakeRoad {
  readonly calls: Record<RoadRoute, number> = { "verify-code": 0, control: 0 };
  readonly headers: Record<RoadRoute, IncomingHttpHeaders[]> = { "verify-code": [], control: [] };
  readonly bodies: string[] = [];
  readonly #sessions = new Map<string, RoadSession>();
  readonly #waiting = new Set<() => void>();
  #manners: RoadManners = {};
  #port = 0;
  #server = this.#createServer();

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  register(sessionId: string, code: string): void {
    this.#sessions.set(sessionId, { code, queue: [] });
  }

  behave(manners: RoadManners): void {
    this.#manners = manners;
  }

  queueOf(sessionId: string): readonly QueuedControl[] {
    return this.#sessions.get(sessionId)?.queue ?? [];
  }

  async enqueued(sessionId: string, count: number): Promise<readonly QueuedControl[]> {
    while (this.queueOf(sessionId).length < count) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    return this.queueOf(sessionId);
  }

  async start(): Promise<void> {
    this.#server = this.#createServer();
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #createServer(): ReturnType<typeof createServer> {
    return createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const [, id = "", route = ""] = /^\/sessions\/([^/]+)\/([\w-]+)$/.exec(pathname) ?? [];
    const session = this.#sessions.get(decodeURIComponent(id));
    if (request.method === "GET" && route === "control") {
      const after = Number(searchParams.get("after") ?? 0);
      return say(response, 200, { messages: session?.queue.slice(after) ?? [] });
    }
    if (route !== "control" && route !== "verify-code") return say(response, 404, {});
    this.calls[route] += 1;
    this.headers[route].push(request.headers);
    const body = (await json(request)) as Readonly<Record<string, unknown>>;
    this.bodies.push(JSON.stringify(body));
    const { delayMs = 0, status, answer } = this.#manners;
    if (delayMs > 0) await delay(delayMs);
    if (status !== undefined) return say(response, status, { error: "trouble" });
    if (answer !== undefined) response.end(answer);
    else if (route === "control") this.#enqueue(response, session, body);
    else {
      const verified = session !== undefined && body.code === session.code;
      say(response, 200, { verified, owner_account_id: null });
    }
  }

  #enqueue(
    response: ServerResponse,
    session: RoadSession | undefined,
    body: Readonly<Record<string, unknown>>,
  ): void {
    if (session === undefined) {
      say(response, 404, { error: "not_found" });
      return;
    }
    const { kind, control_id, payload } = body as unknown as QueuedControl;
    const { copies = 1, losesAnswers = false } = this.#manners;
    for (let copy = 0; copy < copies; copy += 1) {
      session.queue.push({ kind, control_id: control_id ?? crypto.randomUUID(), payload });
    }
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    if (losesAnswers) response.destroy();
    else say(response, 200, { enqueued: true, control_id });
  }
}

function say(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
