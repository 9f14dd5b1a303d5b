import type { ServerOptions } from "node:http2";

/**
 * Has Node reject streams for as long as there are too many, and keep the connection. It counts a stream
 * that has ended until the turn of the event loop is over: a client at its limit that opens a stream
 * for each that it ends goes beyond it, and would lose the connection after 100 of them. One that goes
 * beyond the limit by itself is ended by HTTP/2 (RFC 9113 §5.1.2).
 */
export const rejectsStreams: ServerOptions = { maxSessionRejectedStreams: 2 ** 32 - 1 };
