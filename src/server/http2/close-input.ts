import { constants, type ServerHttp2Stream } from "node:http2";

/**
 * Asks the caller of a call that has been answered to send no more. The stacks let what still comes
 * go by, and keep the stream until the caller ends it. Of several messages that came together,
 * grpc-js stops reading once more for those behind the one that ended the call.
 */
export function closeInput(stream: ServerHttp2Stream): void {
  setImmediate(() => {
    stream.resume();
    if (!stream.readableEnded && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}
