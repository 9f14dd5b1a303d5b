import type { Readable } from "node:stream";

import type { Budgets } from "../../budget/budgets.ts";

/** What a chunk has to bring on average to be none of the small ones. */
const bytesPerChunk = 64;

/**
 * Gives up a body that comes in too many small chunks: a chunk of one byte costs as much time and
 * memory as a large one. Node takes all that have come before anybody reads the body, so they are
 * counted where it hands them over.
 *
 * @returns forgets the chunks that have come so far: what they brought has been read
 */
export function boundSmallChunks(body: Readable, budgets: Budgets, giveUp: () => void): () => void {
  const push = body.push.bind(body);
  let chunks = 0;
  let bytes = 0;
  let isOver = false;
  body.push = (chunk: Buffer | null, encoding) => {
    if (isOver) return false;
    if (chunk !== null) {
      chunks += 1;
      bytes += chunk.length;
      isOver = !budgets.allows("small_chunks", chunks - Math.floor(bytes / bytesPerChunk));
      if (isOver) {
        giveUp();
        return false;
      }
    }
    return push(chunk, encoding);
  };
  return () => {
    chunks = 0;
    bytes = 0;
  };
}
