import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { refuseLongMessage, refuseMessage } from "../../api/request/read-message.ts";
import type { Budgets } from "../../budget/budgets.ts";
import { Places } from "../../budget/places.ts";

interface Limits {
  readonly maxOutputLength: number;
  readonly chunkSize: number;
}

type Unpacking = (bytes: Uint8Array, limits: Limits) => Promise<Buffer>;

/** What is unpacked comes in pieces of this size; smaller ones leave the memory in shreds. */
const chunkSize = 64 * 1024;

const unpackings = {
  gzip: promisify(gunzip) as Unpacking,
  deflate: promisify(inflate) as Unpacking,
  br: promisify(brotliDecompress) as Unpacking,
};

/** What messages may be packed with. */
export type Encoding = keyof typeof unpackings;

interface Packing {
  readonly encoding: Encoding;
  /** What the message came by: the messages of others do not wait for all of its. */
  readonly connection: object;
}

/** Unpacks messages, each up to the size that a message may have, and only some at a time. */
export class Unpacker {
  readonly #budgets: Budgets;
  readonly #places: Places;

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
    this.#places = new Places(budgets, "messages_unpacked_at_once");
  }

  /** Throws FIELD_INVALID for what cannot be unpacked, or would be too long. */
  async unpack(
    packed: Uint8Array,
    { encoding, connection }: Packing,
    budget: "message_bytes" | "reflection_bytes" = "message_bytes",
  ): Promise<Uint8Array> {
    if (packed.length === 0) return packed;
    try {
      const maxOutputLength = this.#budgets.limit(budget);
      return await this.#places.at(connection, () =>
        unpackings[encoding](packed, { maxOutputLength, chunkSize }),
      );
    } catch (error) {
      const isTooLong =
        error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
      if (!isTooLong) return refuseMessage("must be compressed as it says it is");
      return refuseLongMessage(this.#budgets, budget);
    }
  }
}
