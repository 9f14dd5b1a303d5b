import type { IncomingMessage } from "node:http";

import { refuseLongMessage, refuseMessage } from "../../api/request/read-message.ts";
import type { Budgets } from "../../budget/budgets.ts";
import type { HeldBytes } from "../held-bytes.ts";
import type { PackedMessage } from "../intake/intake.ts";

/** In front of a message: one byte of flags, and its length. */
export const envelopeBytes = 5;
const compressedFlag = 1;

/** The encoding of that name; undefined for what is not packed. */
export function encodingOf(named: string): "gzip" | "br" | undefined {
  return named === "gzip" || named === "br" ? named : undefined;
}

/** What a whole envelope has in it. */
export function opened(envelope: Buffer, named: string): Pick<PackedMessage, "bytes" | "encoding"> {
  const encoding = encodingOf(named);
  const isCompressed = (envelope.readUInt8(0) & compressedFlag) !== 0;
  if (isCompressed && encoding === undefined) {
    return refuseMessage("must not be flagged as compressed where no encoding is named");
  }
  return {
    bytes: envelope.subarray(envelopeBytes),
    encoding: isCompressed ? encoding : undefined,
  };
}

/**
 * Reads a body as one envelope after the other, none longer than a message may be before it is
 * unpacked. What has come is held until it is given back.
 */
export async function* readEnvelopes(
  request: IncomingMessage,
  held: HeldBytes,
  budgets: Budgets,
): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  /** How many have to be there before there is more to say. */
  let needed = envelopeBytes;
  // A request that is destroyed takes its stream with it, by which the answer has to leave.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    held.take(chunk.length);
    chunks.push(chunk);
    bytes += chunk.length;
    while (bytes >= needed) {
      const come = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes);
      const length = come.readUInt32BE(1);
      if (length > budgets.limit("message_bytes")) refuseLongMessage(budgets);
      needed = envelopeBytes + length;
      chunks = [come];
      if (bytes < needed) break;
      yield come.subarray(0, needed);
      bytes -= needed;
      chunks = bytes === 0 ? [] : [come.subarray(needed)];
      needed = envelopeBytes;
    }
  }
  if (bytes > 0) refuseMessage("must come in envelopes, each of them whole");
}
