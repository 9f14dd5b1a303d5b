import { constants, type ServerHttp2Stream } from "node:http2";

/**
 * Asks the caller of a call that has been answered to send no more. The stacks let what still comes
 * go by, and keep the stream until the caller ends it.
 */
export function closeInput(stream: ServerHttp2Stream): void {
  setImmediate(() => {
    if (!stream.readableEnded && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
