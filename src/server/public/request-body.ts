import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

import { limits } from "../../api/request/limits.ts";
import { readMessage, refuseLongMessage, refuseMessage } from "../../api/request/read-message.ts";

/** What messages may be compressed with, in either direction. */
export const compressions: (typeof compressionGzip)[] = [compressionGzip, compressionBrotli];

/** In front of a message: one byte of flags, and its length. */
const envelopeBytes = 5;
const compressedFlag = 1;

/**
 * The body of a request with one message, in any protocol over HTTP/1.1. It is read whole and looked
 * through before the stack gets it: for what it cannot read the stack has words of its own, and no
 * place for ours.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #request: IncomingMessage;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(request: IncomingMessage) {
    this.#request = request;
  }

  /** Throws FIELD_INVALID for a body that is no readable message, or is too long. */
  async admit(desc: DescMessage): Promise<void> {
    this.#bytes = await readWhole(this.#request);
    const packing = packingOf(this.#request.headers);
    // The stack refuses encodings that it does not know, and names those that it knows.
    if (packing.compression === "unknown") return;
    readMessage(desc, await unpacked(this.#bytes, packing), packing.format);
  }

  /** What was admitted, as it came. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    yield this.#bytes;
  }
}

async function readWhole(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let left = limits.messageBytes + envelopeBytes;
  // A request that is destroyed takes the socket with it, by which the answer has to leave.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    left -= chunk.length;
    if (left < 0) break;
  }
  if (left >= 0) return Buffer.concat(chunks);
  // The rest is let go, for a caller that sends everything before it reads.
  request.resume();
  return refuseLongMessage();
}

interface Packing {
  readonly format: "json" | "binary";
  readonly isEnveloped: boolean;
  readonly compression: typeof compressionGzip | "none" | "unknown";
}

function packingOf(headers: IncomingHttpHeaders): Packing {
  const type = headers["content-type"] ?? "";
  const isEnveloped = !/^application\/(json|proto)\b/i.test(type);
  const isConnect = /^application\/connect\+/i.test(type);
  const streamEncoding = isConnect ? "connect-content-encoding" : "grpc-encoding";
  const encoding = headers[isEnveloped ? streamEncoding : "content-encoding"] ?? "identity";
  return {
    format: /\bjson\b/i.test(type) ? "json" : "binary",
    isEnveloped,
    compression:
      encoding === "identity"
        ? "none"
        : (compressions.find(({ name }) => name === encoding) ?? "unknown"),
  };
}

async function unpacked(body: Buffer, packing: Packing): Promise<Uint8Array> {
  if (!packing.isEnveloped) return decompressed(body, packing);
  const message = body.subarray(envelopeBytes);
  const isWhole = body.length >= envelopeBytes && body.readUInt32BE(1) === message.length;
  if (!isWhole) return refuseMessage("must come in one envelope, whole, with nothing beside it");
  const isCompressed = (body.readUInt8(0) & compressedFlag) !== 0;
  if (!isCompressed) return message;
  if (packing.compression !== "none") return decompressed(message, packing);
  return refuseMessage("must not be flagged as compressed where no encoding is named");
}

async function decompressed(bytes: Buffer, { compression }: Packing): Promise<Uint8Array> {
  if (typeof compression === "string") return bytes;
  try {
    return await compression.decompress(bytes, limits.messageBytes);
  } catch (error) {
    const isTooLong = error instanceof ConnectError && error.code === Code.ResourceExhausted;
    return isTooLong ? refuseLongMessage() : refuseMessage("must be compressed as it says it is");
  }
}
