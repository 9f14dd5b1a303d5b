import {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from "node:http2";
import { Server as NetServer, type Socket } from "node:net";

import { Code } from "@connectrpc/connect";
import type { Server } from "@grpc/grpc-js";
import { refusalToConnectError } from "../../api/refusal/error-mapping.ts";
import { admitDeadline, type HeaderFault } from "../call-deadline.ts";
import type { Arrivals } from "../connections/arrivals.ts";
import type { CallTurns } from "../connections/call-turns.ts";
import { refusalBody } from "../connections/parser-refusal.ts";
import type { Sleep } from "../door.ts";
import { spent } from "../held-bytes.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import type { OpenCalls } from "./open-calls.ts";
import type { ResetBudget } from "./reset-budget.ts";

/** What grpc-js keeps to itself: it has no options of its own for what is set here. */
interface Inside {
  readonly commonServerOptions?: ServerOptions;
  readonly http2Servers?: ReadonlyMap<Http2Server, Bound>;
  /** By the paths of their methods. */
  readonly handlers?: ReadonlyMap<string, unknown>;
}

interface Bound {
  readonly sessions: ReadonlySet<ServerHttp2Session>;
}

/** Sets options of the HTTP/2 servers that `server` makes when it binds. */
export function setHttp2Options(server: Server, options: ServerOptions): void {
  const { commonServerOptions } = server as unknown as Inside;
  if (commonServerOptions === undefined) throw new Error("grpc-js has no options for HTTP/2");
  Object.assign(commonServerOptions, options);
}

/** The HTTP/2 servers behind `server`, one for each address that it is bound to. */
export function http2ServersOf(server: Server): readonly Http2Server[] {
  return [...boundIn(server).keys()];
}

/** Whether a method of that path was added to the server. */
export function servesPath(server: Server, path: string): boolean {
  const { handlers } = server as unknown as Inside;
  if (handlers === undefined) throw new Error("grpc-js has no handlers");
  return handlers.has(path);
}

function boundIn(server: Server): ReadonlyMap<Http2Server, Bound> {
  const { http2Servers } = server as unknown as Inside;
  if (http2Servers === undefined) throw new Error("grpc-js has no HTTP/2 servers");
  return http2Servers;
}

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export interface Admission {
  /** Whether a path is one of a method. */
  readonly isKnown: (path: string) => boolean;
  readonly arrivals: Arrivals;
  readonly resets: ResetBudget;
  readonly turns: CallTurns;
  readonly calls: OpenCalls;
}

/** Looks at each connection and each call before grpc-js does. */
export function admitStreams(
  http2Server: Http2Server,
  { isKnown, arrivals, resets, turns, calls }: Admission,
): void {
  http2Server.on("connection", (socket: Socket) => {
    arrivals.connected();
    if (!resets.admits(addressOf(socket))) socket.destroy();
  });
  const listeners = http2Server.listeners("stream") as StreamListener[];
  http2Server.removeAllListeners("stream");
  http2Server.on("stream", (stream, headers) => {
    countReset(stream, resets);
    // Opened and reset at once: no caller waits for an answer.
    if (stream.destroyed || stream.closed) return void stream.on("error", () => undefined);
    if (!isGrpc(headers)) return refuseType(stream);
    const fault = admitDeadline(headers);
    if (fault !== undefined) return refuse(stream, Code.InvalidArgument, unreadable(fault));
    // grpc-js would repeat the whole path.
    if (!isKnown(headers[":path"] ?? "")) {
      return refuse(stream, Code.Unimplemented, "no such method is known here");
    }
    const connection = stream.session ?? stream;
    if (!calls.open(connection)) return refuseForCalls(stream);
    stream.once("close", () => calls.close(connection));
    // A caller may leave while its call waits, before anybody else listens.
    stream.on("error", () => undefined);
    arrivals.called(() =>
      turns.begin(connection, () => {
        if (stream.destroyed || stream.closed) return false;
        for (const listener of listeners) listener.call(http2Server, stream, headers);
        // It ended while it waited, with nothing in it: grpc-js would wait for the end forever.
        if (stream.readableEnded) stream.emit("end");
        return true;
      }),
    );
  });
}

/** Ends the connection of an address that resets too many. */
function countReset(stream: ServerHttp2Stream, resets: ResetBudget): void {
  const { session } = stream;
  const count = (): void => {
    if (stream.rstCode === constants.NGHTTP2_NO_ERROR || session === undefined) return;
    if (!resets.count(addressOf(session.socket))) {
      session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  };
  if (stream.closed) count();
  else stream.once("close", count);
}

function addressOf(socket: Pick<Socket, "remoteAddress"> | undefined): string {
  return socket?.remoteAddress ?? "unknown";
}

/** How long peers may take to confirm that they know that a connection closes. */
const noticeMs = 500;

/** Closes the listeners alone: the way of HTTP/2 closes the sessions as well. */
export function closeListeners(server: Server): void {
  for (const http2Server of boundIn(server).keys()) NetServer.prototype.close.call(http2Server);
}

/**
 * Has every peer open no more streams before any is refused. Resolves when each has confirmed that
 * it knows: no call is on its way then that would be refused.
 */
export async function giveNotice(server: Server, sleep: Sleep): Promise<void> {
  const sessions = [...boundIn(server).values()].flatMap((bound) => [...bound.sessions]);
  const waited = new AbortController();
  await Promise.race([Promise.all(sessions.map(knowsOfEnd)), sleep(noticeMs, waited.signal)]);
  waited.abort();
}

/** The highest number that a stream can have: none that is on its way is refused. */
const lastStreamId = 2 ** 31 - 1;

function knowsOfEnd(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    if (session.closed || session.destroyed) return resolve();
    session.once("close", resolve);
    session.goaway(constants.NGHTTP2_NO_ERROR, lastStreamId);
    // Answered in order, so after the peer has read what was sent before.
    if (!session.ping(() => resolve())) resolve();
  });
}

/**
 * Calls back for each connection that HTTP/2 itself ends, because its caller broke a rule or a
 * limit.
 */
export function onTransportError(http2Server: Http2Server, tell: (detail: string) => void): void {
  http2Server.on("sessionError", (error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith("ERR_HTTP2") === true) tell(error.message);
  });
}

function isGrpc({ "content-type": type = "" }: IncomingHttpHeaders): boolean {
  return type.startsWith("application/grpc");
}

/** A caller that does not speak gRPC cannot read its status. */
function refuseType(stream: ServerHttp2Stream): void {
  stream.on("error", () => undefined);
  stream.respond({ ":status": 415, "content-type": "application/json; charset=utf-8" });
  stream.end(refusalBody('"content-type" must be application/grpc'));
  stream.resume();
}

function unreadable({ header, mustBe }: HeaderFault): string {
  return `Cannot read the request: "${header}" ${mustBe}`;
}

function refuseForCalls(stream: ServerHttp2Stream): void {
  const error = refusalToConnectError(spent("open_calls"), "begin the call");
  const details = toGrpcStatus(error).metadata.toHttp2Headers();
  refuse(stream, error.code, error.rawMessage, details);
}

/** Answers a call with a status alone. */
function refuse(
  stream: ServerHttp2Stream,
  code: Code,
  message: string,
  details: OutgoingHttpHeaders = {},
): void {
  stream.on("error", () => undefined);
  const headers = {
    ...details,
    ":status": 200,
    "content-type": "application/grpc+proto",
    "grpc-status": code,
    "grpc-message": encodeURI(message),
  };
  stream.respond(headers, { endStream: true });
  // What the caller still sends is let go, and it is asked to send no more: else it could keep the
  // stream for as long as it likes.
  stream.resume();
  setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
}
