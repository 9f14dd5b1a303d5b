import { constants, type ServerHttp2Stream } from "node:http2";

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type ServerInterceptingCall,
  type ServerInterceptor,
  status as Status,
  type StatusObject,
} from "@grpc/grpc-js";

import { quoted } from "../../api/request/quoted.ts";
import { refuseMessage } from "../../api/request/read-message.ts";
import { budgetTable } from "../../budget/budget-table.ts";
import type { HeldBytes } from "../held-bytes.ts";
import { closeInput } from "../http2/close-input.ts";
import type { Intake, PackedMessage } from "../intake/intake.ts";
import type { Encoding } from "../intake/unpack.ts";
import type { Outbox } from "../outbox.ts";
import { toGrpcStatus } from "./grpc-status.ts";

/** What the innermost part of a call has inside: grpc-js offers no place to put this otherwise. */
interface InnerCall extends InnerMethods {
  readonly stream: ServerHttp2Stream;
  counted: CountedCall;
}

interface InnerMethods {
  handleDataFrame(data: Buffer): void;
  decompressMessage(framed: Buffer, encoding: string): unknown;
  sendMessage(message: unknown, onSent: () => void): void;
  sendStatus(status: StatusObject): void;
}

/** A flag and a length stand in front of each message. */
const frameBytes = 5;

/** A message as it came over gRPC, still packed: it is unpacked when its turn has come. */
export class ReceivedMessage {
  readonly #framed: Buffer;
  readonly #encoding: Encoding | undefined;
  readonly #held: HeldBytes;
  #heldBytes: number;

  constructor(framed: Buffer, encoding: Encoding | undefined, held: HeldBytes) {
    this.#framed = framed;
    this.#encoding = encoding;
    this.#held = held;
    this.#heldBytes = framed.length;
  }

  async read(desc: DescMessage, intake: Intake): Promise<MessageShape<DescMessage>> {
    const packed = this.#packed(desc);
    const { message, heldBytes } =
      intake.readNow(packed, this.#held) ?? (await intake.read(packed, this.#held));
    this.#heldBytes += heldBytes;
    return message;
  }

  #packed(desc: DescMessage): PackedMessage {
    const bytes = this.#framed.subarray(frameBytes);
    return { desc, format: "binary", bytes, encoding: this.#encoding };
  }

  /** The message was answered, or its handler holds it by itself from now on. */
  end(): void {
    this.#held.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

interface IntakeOptions {
  readonly intake: Intake;
  readonly outbox: Outbox;
  /** Whether the handlers of a path read {@link ReceivedMessage}. */
  readonly isOurs: (path: string) => boolean;
}

/**
 * Counts what each call sends, and hands its messages over as they came. grpc-js would unpack all
 * that have come, each up to four times the size that a message may have, before anybody asks for
 * the first one.
 *
 * An answer that its caller does not read is given up; but for watches, which see to that themselves.
 */
export function intakeInterceptor(options: IntakeOptions): ServerInterceptor {
  const { intake, isOurs } = options;
  return ({ path, requestStream, responseStream }, call) => {
    const inner = call as unknown as InnerCall;
    const { stream } = inner;
    const { session } = stream;
    const theirs = Object.getPrototypeOf(inner) as InnerMethods;
    const held = intake.open(session, stream);
    const counted = {
      options,
      theirs,
      held,
      isOurs: isOurs(path),
      session,
      isAnswered: false,
    };
    stream.once("close", () => options.outbox.ended(stream));
    inner.counted = counted;
    inner.handleDataFrame = handleDataFrame;
    inner.decompressMessage = decompressMessage;
    inner.sendStatus = sendStatus;
    if (requestStream || !responseStream) inner.sendMessage = sendMessage;
    return call as ServerInterceptingCall;
  };
}

/** What is kept of a call. The functions below are the same for all, since calls are made by the thousand. */
interface CountedCall {
  readonly options: IntakeOptions;
  /** What grpc-js does. */
  readonly theirs: InnerMethods;
  readonly held: HeldBytes;
  readonly isOurs: boolean;
  readonly session: ServerHttp2Stream["session"];
  isAnswered: boolean;
}

function handleDataFrame(this: InnerCall, data: Buffer): void {
  const { held, theirs, isAnswered } = this.counted;
  // grpc-js would keep it until the caller has read the answer.
  if (isAnswered) return;
  try {
    held.take(data.length);
  } catch (thrown) {
    this.sendStatus(toGrpcStatus(ConnectError.from(thrown)));
    return;
  }
  theirs.handleDataFrame.call(this, data);
}

function decompressMessage(this: InnerCall, framed: Buffer, name: string): unknown {
  const { held, isOurs, options } = this.counted;
  const encoding = encodingOf(name);
  if (isOurs) return new ReceivedMessage(framed, encoding, held);
  held.giveBack(framed.length);
  return options.intake.unpackQuestion(framed.subarray(frameBytes), encoding, held).catch(asStatus);
}

function sendMessage(this: InnerCall, message: unknown, onSent: () => void): void {
  const { stream } = this;
  const { theirs, options } = this.counted;
  options.outbox.waits(stream, () => stream.close(constants.NGHTTP2_REFUSED_STREAM));
  theirs.sendMessage.call(this, message, () => {
    options.outbox.ended(stream);
    onSent();
  });
}

function sendStatus(this: InnerCall, status: StatusObject): void {
  const { stream } = this;
  const { theirs } = this.counted;
  // A connection may end with thousands of calls, and no caller is left to receive an answer.
  if (stream.destroyed || stream.closed) {
    theirs.sendStatus.call(this, status);
    return;
  }
  const { headersSent } = stream;
  // What came before stays held: grpc-js keeps it until the stream has closed.
  this.counted.isAnswered = true;
  theirs.sendStatus.call(this, inOwnWords(status));
  if (stream.readableEnded) return;
  if (headersSent) stream.once("wantTrailers", () => closeInput(stream));
  else closeInput(stream);
}

/** What grpc-js itself finds wrong with the messages of a call, and the refusal for it. */
const messageFaults: readonly (readonly [theirs: string, ours: string])[] = [
  ["Error deserializing request", "must be in protobuf's binary encoding"],
  ["Received no request message", "must be sent"],
  ["Received a second request message", "must be sent once"],
  ["Received message larger than", `must be at most ${budgetTable.message_bytes.limit} bytes`],
];

function inOwnWords(status: StatusObject): StatusObject {
  const { code, details } = status;
  if (code === Status.OK) return status;
  if (details === "Deadline exceeded") return { ...status, details: "the deadline passed" };
  const [, fault] = messageFaults.find(([theirs]) => details.startsWith(theirs)) ?? [];
  if (fault === undefined) return status;
  try {
    return refuseMessage(fault);
  } catch (thrown) {
    return toGrpcStatus(ConnectError.from(thrown));
  }
}

function asStatus(thrown: unknown): never {
  throw toGrpcStatus(ConnectError.from(thrown));
}

/** Throws a status, which is what grpc-js ends the call with. */
function encodingOf(name: string): Encoding | undefined {
  if (name === "identity") return undefined;
  if (name === "gzip" || name === "deflate") return name;
  const message = `Cannot read the request: "grpc-encoding" is ${quoted(name)} and must be identity, gzip or deflate`;
  throw toGrpcStatus(new ConnectError(message, Code.Unimplemented));
}
