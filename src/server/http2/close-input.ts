import { constants, type ServerHttp2Stream } from "node:http2";

/**
 * Asks the caller of a call that has been answered to send no more. What still comes goes
 * by, and would keep the stream until the caller ends it.
 */
export function closeInput(stream: ServerHttp2Stream): void {
  setImmediate(() => {
    stream.resume();
    if (!stream.readableEnded && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
