import type { ServerResponse } from "node:http";

import type { HeldBytes } from "../held-bytes.ts";
import { resetAnswer } from "../http2/carried.ts";
import type { Outbox } from "../outbox.ts";

type Done = (error?: Error | null) => void;
type Write = (chunk: Uint8Array, encoding: BufferEncoding, done?: Done) => boolean;

/**
 * Holds the answers of a stream against its reader, each until it has been sent. A reader that does
 * not take them, or leaves too much unread, is given up.
 */
export function holdWrites(response: ServerResponse, held: HeldBytes, outbox: Outbox): void {
  const write = response.write.bind(response) as Write;
  const giveUp = (): void => resetAnswer(response);
  const holding: Write = (chunk, encoding, done) => {
    if (held.tryTake(chunk.length) !== undefined) {
      giveUp();
      return true;
    }
    outbox.waits(response, giveUp);
    return write(chunk, encoding, (error) => {
      held.giveBack(chunk.length);
      outbox.ended(response);
      done?.(error);
    });
  };
  response.write = holding as ServerResponse["write"];
}
