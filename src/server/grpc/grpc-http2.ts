import type {
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Stream,
  ServerOptions,
} from "node:http2";

import { Code } from "@connectrpc/connect";
import type { Server } from "@grpc/grpc-js";

import { admitDeadline } from "../call-deadline.ts";

/** What grpc-js keeps to itself: it has no options of its own for what is set here. */
interface Inside {
  readonly commonServerOptions?: ServerOptions;
  readonly http2Servers?: ReadonlyMap<Http2Server, unknown>;
}

/** Sets options of the HTTP/2 servers that `server` makes when it binds. */
export function setHttp2Options(server: Server, options: ServerOptions): void {
  const { commonServerOptions } = server as unknown as Inside;
  if (commonServerOptions === undefined) throw new Error("grpc-js has no options for HTTP/2");
  Object.assign(commonServerOptions, options);
}

/** The HTTP/2 servers behind `server`, one for each address that it is bound to. */
export function http2ServersOf(server: Server): readonly Http2Server[] {
  const { http2Servers } = server as unknown as Inside;
  if (http2Servers === undefined) throw new Error("grpc-js has no HTTP/2 servers");
  return [...http2Servers.keys()];
}

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** Looks at the headers of each call before grpc-js does. */
export function admitStreams(http2Server: Http2Server): void {
  const listeners = http2Server.listeners("stream") as StreamListener[];
  http2Server.removeAllListeners("stream");
  http2Server.on("stream", (stream, headers) => {
    if (admitDeadline(headers) === "unreadable") return refuse(stream, unreadableDeadline);
    for (const listener of listeners) listener.call(http2Server, stream, headers);
  });
}

/** Told of each connection that HTTP/2 itself ends, since its caller broke a rule or a limit. */
export function onTransportError(http2Server: Http2Server, tell: (detail: string) => void): void {
  http2Server.on("sessionError", (error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith("ERR_HTTP2") === true) tell(error.message);
  });
}

const unreadableDeadline =
  'Cannot read the request: "grpc-timeout" must be up to 8 digits and a unit, such as 5S';

/** Answers a call with a status alone. */
function refuse(stream: ServerHttp2Stream, message: string): void {
  stream.on("error", () => undefined);
  const headers = {
    ":status": 200,
    "content-type": "application/grpc+proto",
    "grpc-status": Code.InvalidArgument,
    "grpc-message": encodeURI(message),
  };
  stream.respond(headers, { endStream: true });
  // What the caller still sends is let go.
  stream.resume();
}
