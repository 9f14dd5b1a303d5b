import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

import { quoted } from "../../api/request/quoted.ts";
import { refuseLongMessage, refuseMessage } from "../../api/request/read-message.ts";
import type { HeldBytes } from "../held-bytes.ts";
import type { Intake, PackedMessage } from "../intake/intake.ts";

/** What messages may be compressed with, in either direction. */
export const compressions: (typeof compressionGzip)[] = [compressionGzip, compressionBrotli];

/** In front of a message: one byte of flags, and its length. */
const envelopeBytes = 5;
const compressedFlag = 1;

interface RequestBodyOptions {
  readonly intake: Intake;
  /** What the call's answer holds. */
  readonly answer: HeldBytes;
  /** To be told when the one answer of a call begins to be written. */
  readonly onAnswered: () => void;
}

/**
 * The body of a request with one message, in any protocol over HTTP/1.1. The message is read here,
 * once: the stack would read it without counting it first, and has words of its own for what it
 * cannot read. It is given an empty message instead, and its handler takes {@link message}.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly answer: HeldBytes;
  readonly onAnswered: () => void;
  readonly #request: IncomingMessage;
  readonly #intake: Intake;
  readonly #held: HeldBytes;
  readonly #packing: Packing;
  #message: MessageShape<DescMessage> | undefined;

  constructor(request: IncomingMessage, { intake, answer, onAnswered }: RequestBodyOptions) {
    this.answer = answer;
    this.onAnswered = onAnswered;
    this.#request = request;
    this.#intake = intake;
    this.#held = intake.open(request.socket);
    this.#packing = packingOf(request.headers);
    // The stack refuses encodings that it does not know, and names those that it knows.
    if (this.#packing.encoding !== "unknown") describeAsEmpty(request.headers);
    else cutEncodings(request.headers);
  }

  /** The message that was admitted. */
  get message(): MessageShape<DescMessage> {
    if (this.#message === undefined) throw new Error("no message was admitted");
    return this.#message;
  }

  /** Throws FIELD_INVALID for a body that is no readable message, or has too much in it. */
  async admit(desc: DescMessage): Promise<void> {
    if (this.#packing.encoding === "unknown") return;
    const body = await this.#readWhole();
    const packed = unwrapped(desc, body, this.#packing);
    this.#message = (await this.#intake.read(packed, this.#held)).message;
  }

  /** The call is answered, or holds the message by itself from now on. */
  end(): void {
    this.#held.end();
  }

  /** An empty message. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { format, isEnveloped } = this.#packing;
    const empty = Buffer.from(format === "json" ? "{}" : "");
    const envelope = Buffer.alloc(isEnveloped ? envelopeBytes : 0);
    if (isEnveloped) envelope.writeUInt32BE(empty.length, 1);
    yield Buffer.concat([envelope, empty]);
  }

  async #readWhole(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let left = this.#intake.budgets.limit("message_bytes") + envelopeBytes;
    try {
      // A request that is destroyed takes the socket with it, by which the answer has to leave.
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false })) {
        this.#held.take(chunk.length);
        chunks.push(chunk);
        left -= chunk.length;
        if (left < 0) break;
      }
    } finally {
      // The rest is let go, for a caller that sends everything before it reads.
      this.#request.resume();
    }
    if (left >= 0) return Buffer.concat(chunks);
    return refuseLongMessage(this.#intake.budgets);
  }
}

interface Packing {
  readonly format: "json" | "binary";
  readonly isEnveloped: boolean;
  readonly encoding: "gzip" | "br" | "identity" | "unknown";
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
    encoding:
      encoding === "gzip" || encoding === "br" || encoding === "identity" ? encoding : "unknown",
  };
}

const aboutBodies = [
  "content-length",
  "content-encoding",
  "connect-content-encoding",
  "grpc-encoding",
];

/** Takes out what headers say of the body: the stack holds the body that it gets against them. */
function describeAsEmpty(headers: IncomingHttpHeaders): void {
  for (const name of aboutBodies) delete headers[name];
}

/** The stack repeats the name of an encoding that it does not know. */
function cutEncodings(headers: IncomingHttpHeaders): void {
  for (const name of aboutBodies) {
    const value = headers[name];
    if (name !== "content-length" && value !== undefined) headers[name] = quoted(String(value));
  }
}

function unwrapped(desc: DescMessage, body: Buffer, packing: Packing): PackedMessage {
  const { format } = packing;
  const encoding =
    packing.encoding === "gzip" || packing.encoding === "br" ? packing.encoding : undefined;
  if (!packing.isEnveloped) return { desc, format, bytes: body, encoding };
  const bytes = body.subarray(envelopeBytes);
  const isWhole = body.length >= envelopeBytes && body.readUInt32BE(1) === bytes.length;
  if (!isWhole) return refuseMessage("must come in one envelope, whole, with nothing beside it");
  const isCompressed = (body.readUInt8(0) & compressedFlag) !== 0;
  if (isCompressed && encoding === undefined) {
    return refuseMessage("must not be flagged as compressed where no encoding is named");
  }
  return { desc, format, bytes, encoding: isCompressed ? encoding : undefined };
}
