import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { refuseLongMessage, refuseMessage } from "../../api/request/read-message.ts";
import type { Budgets } from "../../budget/budgets.ts";

type Unpacking = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const unpackings = {
  gzip: promisify(gunzip) as Unpacking,
  deflate: promisify(inflate) as Unpacking,
  br: promisify(brotliDecompress) as Unpacking,
};

/** What messages may be packed with. */
export type Encoding = keyof typeof unpackings;

/** Unpacks messages, each up to the size that a message may have, and only some at a time. */
export class Unpacker {
  readonly #budgets: Budgets;
  readonly #waiting: (() => void)[] = [];
  #working = 0;

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
  }

  /** Throws FIELD_INVALID for what cannot be unpacked, or would be too long. */
  async unpack(
    packed: Uint8Array,
    encoding: Encoding,
    budget: "message_bytes" | "reflection_bytes" = "message_bytes",
  ): Promise<Uint8Array> {
    if (packed.length === 0) return packed;
    await this.#turn();
    try {
      const maxOutputLength = this.#budgets.limit(budget);
      return await unpackings[encoding](packed, { maxOutputLength });
    } catch (error) {
      const isTooLong =
        error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
      if (!isTooLong) return refuseMessage("must be compressed as it says it is");
      return refuseLongMessage(this.#budgets, budget);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#working -= 1;
      else next();
    }
  }

  /** Resolves with a place among those at work, which is handed on afterwards. */
  async #turn(): Promise<void> {
    if (this.#working < this.#budgets.limit("messages_unpacked_at_once")) this.#working += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
