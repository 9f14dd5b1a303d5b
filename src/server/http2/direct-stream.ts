import type { ServerHttp2Stream } from "node:http2";

import type { DirectStream } from "../../api/call/handlers.ts";

/**
 * Writes to the HTTP/2 stream of a call, past the protocol stack, which has sent the headers and
 * waits: one message at a time, at the pace at which HTTP/2 takes them.
 */
export function directStream(
  stream: ServerHttp2Stream,
  format: DirectStream["format"],
): DirectStream {
  const direct: DirectStream = {
    format,
    write(envelope) {
      // A caller that has left shows as cancelled. A write to it does not block.
      if (stream.destroyed || stream.writableEnded) return true;
      stream.write(envelope, written);
      return false;
    },
    onReady: () => undefined,
  };
  const written = (): void => direct.onReady();
  return direct;
}
