import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";

import { resetConnection } from "../connections/reset-connection.ts";

/** Requests and answers of HTTP/2 look like those of HTTP/1.1, and have their stream besides. */
interface Carried {
  readonly stream?: ServerHttp2Stream;
}

/** The stream of a request or an answer over HTTP/2; undefined over HTTP/1.1. */
export function http2StreamOf(
  carried: IncomingMessage | ServerResponse,
): ServerHttp2Stream | undefined {
  return (carried as Carried).stream;
}

/** What the request shares with others of its caller: the session, or the socket. */
export function connectionOf(request: IncomingMessage): object {
  return http2StreamOf(request)?.session ?? request.socket;
}

/**
 * Ends an answer by force: its stream, or over HTTP/1.1 its connection, since an answer under way
 * ends with that alone.
 */
export function resetAnswer(response: ServerResponse): void {
  const stream = http2StreamOf(response);
  if (stream !== undefined) stream.close(constants.NGHTTP2_REFUSED_STREAM);
  else if (response.socket !== null) resetConnection(response.socket);
}
