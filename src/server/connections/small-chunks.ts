import type { IncomingMessage } from "node:http";

import type { Budgets } from "../../budget/budgets.ts";

/** What a chunk has to bring on average to be none of the small ones. */
const bytesPerChunk = 64;

/**
 * Resets the connection of a body that comes in too many small chunks: a chunk of one byte costs as
 * much time and memory as a large one. Node takes all that have come before anybody reads the body,
 * so they are counted where it hands them over.
 */
export function boundSmallChunks(request: IncomingMessage, budgets: Budgets): void {
  const push = request.push.bind(request);
  let chunks = 0;
  let bytes = 0;
  let isOver = false;
  request.push = (chunk: Buffer | null, encoding) => {
    if (isOver) return false;
    if (chunk !== null) {
      chunks += 1;
      bytes += chunk.length;
      isOver = !budgets.allows("small_chunks", chunks - Math.floor(bytes / bytesPerChunk));
      if (isOver) {
        request.socket.resetAndDestroy();
        return false;
      }
    }
    return push(chunk, encoding);
  };
}
