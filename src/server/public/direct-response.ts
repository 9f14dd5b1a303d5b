import type { ServerResponse } from "node:http";

import type { DirectStream } from "../../api/call/handlers.ts";

/**
 * Writes to the connection of a response of HTTP/1.1 past connect-node, which has sent the headers
 * and waits, and past Node's own framing, which costs more than the write itself. What a response
 * has not handed to its connection yet has to go first: then it is the response that is written to.
 */
export function directResponse(
  response: ServerResponse,
  format: DirectStream["format"],
): DirectStream {
  const isChunked = response.req.httpVersion === "1.1";
  const direct: DirectStream = {
    format,
    write(envelope) {
      const { socket } = response;
      // A caller that has left shows as closed. A write to it does not block.
      if (socket === null || socket.destroyed || response.writableEnded) return true;
      const isNext = response.writableLength === socket.writableLength;
      const target = isNext ? socket : response;
      const bytes = isNext && isChunked ? asChunk(envelope) : envelope;
      if (target.write(bytes)) return true;
      target.once("drain", ready);
      return false;
    },
    onReady: () => undefined,
  };
  const ready = (): void => direct.onReady();
  return direct;
}

const lineEnd = Buffer.from("\r\n");
/** The envelope that was asked for last, and its chunk: readers of one state come in a row. */
let latest: { readonly envelope: Buffer; readonly chunk: Buffer } | undefined;

function asChunk(envelope: Buffer): Buffer {
  if (latest?.envelope === envelope) return latest.chunk;
  const size = Buffer.from(`${envelope.length.toString(16)}\r\n`);
  const chunk = Buffer.concat([size, envelope, lineEnd]);
  latest = { envelope, chunk };
  return chunk;
}
