import { promisify } from "node:util";
import {
  brotliDecompress,
  brotliDecompressSync,
  gunzip,
  gunzipSync,
  inflate,
  inflateSync,
} from "node:zlib";

import { ConnectError } from "@connectrpc/connect";

import { refuseLongMessage, refuseMessage } from "../../api/request/read-message.ts";
import type { Budgets } from "../../budget/budgets.ts";
import { Places } from "../../budget/places.ts";
import { callerLeft } from "../guard.ts";
import type { HeldBytes } from "../held-bytes.ts";

interface Limits {
  readonly maxOutputLength: number;
  readonly chunkSize: number;
}

/** What is unpacked comes in pieces of this size; smaller ones leave the memory in shreds. */
const chunkSize = 64 * 1024;

/** Up to this size a message takes a fifth of the time that another thread takes for it. */
const smallBytes = 1_024;

/** What a small one may become: one that becomes more takes longer, and goes to another thread. */
const smallOutputBytes = 16 * 1024;
const smallChunkSize = 4_096;

interface Unpacking {
  now(bytes: Uint8Array, limits: Limits): Buffer;
  elsewhere(bytes: Uint8Array, limits: Limits): Promise<Buffer>;
}

/** What messages may be packed with. */
export type Encoding = "gzip" | "deflate" | "br";

const unpackings: Readonly<Record<Encoding, Unpacking>> = {
  gzip: { now: gunzipSync, elsewhere: promisify(gunzip) },
  deflate: { now: inflateSync, elsewhere: promisify(inflate) },
  br: { now: brotliDecompressSync, elsewhere: promisify(brotliDecompress) },
};

interface Packing {
  readonly encoding: Encoding;
  /** What the call holds. The messages of others do not wait for all of its connection. */
  readonly held: HeldBytes;
}

/**
 * Unpacks messages, each up to the size that a message may have: small ones at once, the others on
 * other threads, and only some at a time.
 */
export class Unpacker {
  readonly #budgets: Budgets;
  readonly #places: Places;

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
    this.#places = new Places(budgets, "messages_unpacked_at_once");
  }

  /**
   * Throws FIELD_INVALID for what cannot be unpacked, or would be too long, and CANCELLED where the
   * call ends before its turn.
   */
  async unpack(
    packed: Uint8Array,
    { encoding, held }: Packing,
    budget: "message_bytes" | "reflection_bytes" = "message_bytes",
  ): Promise<Uint8Array> {
    if (packed.length === 0) return packed;
    const { now, elsewhere } = unpackings[encoding];
    const maxOutputLength = this.#budgets.limit(budget);
    try {
      if (packed.length <= smallBytes) {
        const max = Math.min(smallOutputBytes, maxOutputLength);
        const limits = { maxOutputLength: max, chunkSize: smallChunkSize };
        const small = unpackSmall(() => now(packed, limits));
        if (small !== undefined) return small;
      }
      return await this.#places.at(held.connection, async () => {
        if (held.isOver) throw callerLeft;
        return await elsewhere(packed, { maxOutputLength, chunkSize });
      });
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      if (!isTooLong(error)) return refuseMessage("must be compressed as it says it is");
      return refuseLongMessage(this.#budgets, budget);
    }
  }
}

/** Undefined for what does not stay small. */
function unpackSmall(unpack: () => Buffer): Buffer | undefined {
  try {
    return unpack();
  } catch (error) {
    if (isTooLong(error)) return undefined;
    throw error;
  }
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
