import type { Http2SecureServer, Http2Server } from "node:http2";

/**
 * Calls back for each connection that HTTP/2 itself ends, because its caller broke a rule or a
 * limit.
 */
export function onTransportError(
  http2Server: Http2Server | Http2SecureServer,
  report: (detail: string) => void,
): void {
  http2Server.on("sessionError", (error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith("ERR_HTTP2") === true) report(error.message);
  });
}
