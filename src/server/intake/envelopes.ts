import { refuseLongMessage, refuseMessage } from "../../api/request/read-message.ts";
import type { Budgets } from "../../budget/budgets.ts";
import type { PackedBytes } from "./intake.ts";
import type { Encoding } from "./unpack.ts";

/** In front of a message: one byte of flags, and its length. */
export const envelopeBytes = 5;
const compressedFlag = 1;

/**
 * What a whole envelope has in it.
 *
 * @param named what its call says that messages are packed with
 * @param encodingOf the encoding of that name, undefined for none; asked for packed messages alone
 */
export function opened(
  envelope: Buffer,
  named: string,
  encodingOf: (named: string) => Encoding | undefined,
): PackedBytes {
  const isPacked = (envelope.readUInt8(0) & compressedFlag) !== 0;
  const encoding = isPacked ? encodingOf(named) : undefined;
  if (isPacked && encoding === undefined) {
    return refuseMessage("must not be flagged as compressed where no encoding is named");
  }
  return { bytes: envelope.subarray(envelopeBytes), encoding };
}

/** Puts a message of an answer, not packed, into its envelope. */
export function enveloped(message: Uint8Array): Buffer {
  const envelope = Buffer.allocUnsafe(envelopeBytes + message.length);
  envelope[0] = 0;
  envelope.writeUInt32BE(message.length, 1);
  envelope.set(message, envelopeBytes);
  return envelope;
}

/** Cuts a body into its envelopes, none longer than a message may be before it is unpacked. */
export class Envelopes {
  readonly #budgets: Budgets;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** How many have to be there before there is more to say. */
  #needed = envelopeBytes;

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
  }

  /** No more will come; throws FIELD_INVALID where that cuts an envelope off. */
  end(): void {
    if (this.#bytes > 0) refuseMessage("must come in envelopes, each of them whole");
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The next one that has come whole, if any has; throws FIELD_INVALID for one that is too long. */
  next(): Buffer | undefined {
    while (this.#bytes >= this.#needed) {
      const [only] = this.#chunks;
      const come =
        this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks, this.#bytes);
      const length = come.readUInt32BE(1);
      if (length > this.#budgets.limit("message_bytes")) refuseLongMessage(this.#budgets);
      this.#chunks = [come];
      this.#needed = envelopeBytes + length;
      if (this.#bytes >= this.#needed) return this.#cut(come);
    }
    return undefined;
  }

  #cut(come: Buffer): Buffer {
    const envelope = come.subarray(0, this.#needed);
    this.#bytes -= this.#needed;
    this.#chunks = this.#bytes === 0 ? [] : [come.subarray(this.#needed)];
    this.#needed = envelopeBytes;
    return envelope;
  }
}
