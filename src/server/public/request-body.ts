import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { quoted } from "../../api/request/quoted.ts";
import { refuseHeader, refuseLongMessage, refuseMessage } from "../../api/request/read-message.ts";
import type { HeaderFault } from "../call-deadline.ts";
import type { HeldBytes } from "../held-bytes.ts";
import { connectionOf } from "../http2/carried.ts";
import { Envelopes, envelopeBytes, opened } from "../intake/envelopes.ts";
import type { Intake, PackedMessage } from "../intake/intake.ts";

interface RequestBodyOptions {
  readonly intake: Intake;
  /** What the call's answer holds. */
  readonly answer: HeldBytes;
  /** What is wrong with the headers, if anything is. */
  readonly fault: HeaderFault | undefined;
  /** Called when the last of an answer begins to be written. */
  readonly onAnswered: () => void;
  /** Called with each message of a stream, when what came of it has been read. */
  readonly onRead: () => void;
}

/**
 * The body of a request, in any protocol. What is in it is read here, once: the stack would read it
 * without counting it first, and has words of its own for what it cannot read. It is given an empty
 * message instead, and its handler takes {@link message}, or {@link messages} of a stream.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly answer: HeldBytes;
  readonly onAnswered: () => void;
  readonly #request: IncomingMessage;
  readonly #intake: Intake;
  readonly #held: HeldBytes;
  readonly #packing: Packing;
  /** As its headers say; 0 where they do not. */
  readonly #announcedBytes: number;
  readonly #fault: HeaderFault | undefined;
  readonly #onRead: () => void;
  #message: MessageShape<DescMessage> | undefined;
  #messages: AsyncIterable<MessageShape<DescMessage>> | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, options: RequestBodyOptions) {
    const { intake, answer, onAnswered, onRead, fault } = options;
    this.answer = answer;
    this.onAnswered = onAnswered;
    this.#request = request;
    this.#onRead = onRead;
    this.#intake = intake;
    this.#held = intake.open(connectionOf(request), response);
    this.#packing = packingOf(request.headers);
    this.#announcedBytes = Number(request.headers["content-length"] ?? 0);
    this.#fault = fault;
    describeAsEmpty(request.headers);
  }

  /** The message that was admitted. */
  get message(): MessageShape<DescMessage> {
    if (this.#message === undefined) throw new Error("no message was admitted");
    return this.#message;
  }

  /** Throws FIELD_INVALID for a body that is no readable message, or has too much in it. */
  async admit(desc: DescMessage): Promise<void> {
    this.#refuseHeaders();
    const body = await this.#readWhole();
    const packed = unwrapped(desc, body, this.#packing);
    this.#message = (await this.#intake.read(packed, this.#held)).message;
  }

  /** The messages of a stream that was admitted. */
  get messages(): AsyncIterable<MessageShape<DescMessage>> {
    if (this.#messages === undefined) throw new Error("no stream was admitted");
    return this.#messages;
  }

  /** Throws for a stream whose headers say that it cannot be read. */
  admitStream(desc: DescMessage): void {
    this.#refuseHeaders();
    this.#messages = this.#readOneByOne(desc);
  }

  async *#readOneByOne(desc: DescMessage): AsyncGenerator<MessageShape<DescMessage>> {
    const { format, encoding } = this.#packing;
    for await (const envelope of this.#readEnvelopes()) {
      await this.#intake.turn(this.#held.connection);
      const packed = { desc, format, ...opened(envelope, encoding, encodingOf) };
      const { message, heldBytes } = await this.#intake.read(packed, this.#held);
      this.#onRead();
      yield message;
      this.#held.giveBack(envelope.length + heldBytes);
    }
  }

  /** What has come is held until it is given back. */
  async *#readEnvelopes(): AsyncGenerator<Buffer> {
    const envelopes = new Envelopes(this.#intake.budgets);
    // A request that is destroyed takes its stream with it, by which the answer has to leave.
    for await (const chunk of this.#request.iterator({ destroyOnReturn: false })) {
      this.#held.take(chunk.length);
      envelopes.add(chunk);
      for (let next = envelopes.next(); next !== undefined; next = envelopes.next()) yield next;
    }
    envelopes.end();
  }

  #refuseHeaders(): void {
    const { encoding, encodingHeader } = this.#packing;
    if (this.#fault === undefined && isKnown(encoding)) return;
    // The body will not be read and is released.
    this.#request.resume();
    if (this.#fault !== undefined) refuseHeader(this.#fault.header, this.#fault.mustBe);
    refuseEncoding(encodingHeader, encoding);
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
      if (this.#announcedBytes > left) return refuseLongMessage(this.#intake.budgets);
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
  readonly encoding: string;
  /** The header that names the encoding. */
  readonly encodingHeader: string;
}

function packingOf(headers: IncomingHttpHeaders): Packing {
  const type = headers["content-type"] ?? "";
  const isEnveloped = !/^application\/(json|proto)\b/i.test(type);
  const isConnect = /^application\/connect\+/i.test(type);
  const streamHeader = isConnect ? "connect-content-encoding" : "grpc-encoding";
  const encodingHeader = isEnveloped ? streamHeader : "content-encoding";
  return {
    format: /\bjson\b/i.test(type) ? "json" : "binary",
    isEnveloped,
    encoding: String(headers[encodingHeader] ?? "identity"),
    encodingHeader,
  };
}

/** The encoding of that name; undefined for what is not packed. */
function encodingOf(named: string): "gzip" | "br" | undefined {
  return named === "gzip" || named === "br" ? named : undefined;
}

function isKnown(encoding: string): boolean {
  return ["gzip", "br", "identity"].includes(encoding);
}

function refuseEncoding(header: string, encoding: string): never {
  const message = `Cannot read the request: "${header}" is ${quoted(encoding)} and must be identity, gzip or br`;
  throw new ConnectError(message, Code.Unimplemented);
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

function unwrapped(desc: DescMessage, body: Buffer, packing: Packing): PackedMessage {
  const { format, encoding } = packing;
  if (!packing.isEnveloped) return { desc, format, bytes: body, encoding: encodingOf(encoding) };
  const isWhole =
    body.length >= envelopeBytes && body.readUInt32BE(1) === body.length - envelopeBytes;
  if (!isWhole) return refuseMessage("must come in one envelope, whole, with nothing beside it");
  return { desc, format, ...opened(body, encoding, encodingOf) };
}
