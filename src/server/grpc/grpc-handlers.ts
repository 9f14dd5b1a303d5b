import type { TLSSocket } from "node:tls";

import {
  create,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type * as grpc from "@grpc/grpc-js";

import { EncodedAnswer } from "../../api/call/encoded-answer.ts";
import type { Call, DirectStream } from "../../api/call/handlers.ts";
import { callerLeft, deadlinePassed } from "../guard.ts";
import type { HeldBytes } from "../held-bytes.ts";
import { directStream } from "../http2/direct-stream.ts";
import type { Intake } from "../intake/intake.ts";
import { largeAnswerBytes, type Outbox } from "../outbox.ts";
import type { ServedService, UntypedHandler } from "../served-service.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import {
  asQueued,
  hasGone,
  http2Stream,
  isPastDeadline,
  oneByOne,
  resetStream,
  type StreamingCall,
  type Write,
} from "./grpc-writer.ts";
import type { ReceivedMessage } from "./received-message.ts";

/** The handlers of a service as grpc-js calls them, for its {@link grpcDefinition}. */
export function grpcHandlers(
  { service, handler }: ServedService,
  ways: Omit<Served, "method">,
): grpc.UntypedServiceImplementation {
  const adapted = service.methods.map((method) => [
    method.localName,
    adapters[method.methodKind]({ method, ...ways }, handler(method)),
  ]);
  return Object.fromEntries(adapted);
}

/** A method, what reads its requests, and what bounds its answers. */
interface Served {
  readonly method: DescMethod;
  readonly intake: Intake;
  readonly outbox: Outbox;
}

const adapters: Readonly<
  Record<DescMethod["methodKind"], (served: Served, handler: UntypedHandler) => unknown>
> = {
  unary: adaptUnary,
  server_streaming: adaptServerStreaming,
  bidi_streaming: adaptBidiStreaming,
  client_streaming: ({ method }) => {
    throw new Error(`${method.name}: no service of ours streams from clients alone`);
  },
};

function adaptUnary(
  { method, intake, outbox }: Served,
  handler: UntypedHandler,
): grpc.handleUnaryCall<ReceivedMessage, Buffer> {
  const serve = async (
    call: grpc.ServerUnaryCall<ReceivedMessage, Buffer>,
    respond: grpc.sendUnaryData<Buffer>,
  ): Promise<void> => {
    try {
      const request = await call.request.read(method.input, intake);
      if (call.cancelled) return;
      const answered = new GrpcCall(call, outbox);
      const answer = encode(method.output, await handler(request, answered));
      if (answer.length > largeAnswerBytes) answered.holdWhole(answer.length);
      respond(null, answer);
    } catch (thrown) {
      respond(toGrpcStatus(ConnectError.from(thrown, Code.Internal)));
    }
  };
  return (call, respond) =>
    intake.begin(connectionOf(call), () => {
      if (call.cancelled) return false;
      void serve(call, respond);
      return true;
    });
}

function adaptServerStreaming(
  { method, intake, outbox }: Served,
  handler: UntypedHandler,
): grpc.handleServerStreamingCall<ReceivedMessage, Buffer> {
  const serve = (call: grpc.ServerWritableStream<ReceivedMessage, Buffer>): Promise<void> =>
    pump({ method, call, write: oneByOne(call) }, async () => {
      const request = await call.request.read(method.input, intake);
      call.request.end();
      return handler(request, new GrpcCall(call, outbox));
    });
  return (call) =>
    intake.begin(connectionOf(call), () => {
      if (hasGone(call)) return false;
      void serve(call);
      return true;
    });
}

function adaptBidiStreaming(
  served: Served,
  handler: UntypedHandler,
): grpc.handleBidiStreamingCall<ReceivedMessage, Buffer> {
  const { method, outbox } = served;
  return (call) =>
    pump({ method, call, write: asQueued(call, openAnswer(call, outbox)) }, async () =>
      handler(decoded(served, call), new GrpcCall(call, outbox)),
    );
}

interface Pumped {
  readonly method: DescMethod;
  readonly call: StreamingCall;
  readonly write: Write;
}

/** Writes at the reader's pace until the handler, or the reader, ends; then sends the status. */
async function pump({ method, call, write }: Pumped, start: () => Promise<unknown>): Promise<void> {
  try {
    for await (const message of (await start()) as AsyncIterable<unknown>) {
      if (hasGone(call)) return;
      await write(encode(method.output, message));
    }
    call.end();
  } catch (thrown) {
    if (hasGone(call)) return;
    call.emit("error", toGrpcStatus(ConnectError.from(thrown, Code.Internal)));
  }
}

/** Leaving a loop over the call itself would destroy the call before its status is sent. */
async function* decoded(
  { method, intake }: Served,
  call: grpc.ServerDuplexStream<ReceivedMessage, Buffer>,
): AsyncGenerator<MessageShape<DescMessage>> {
  for await (const received of call.iterator({ destroyOnReturn: false })) {
    yield await received.read(method.input, intake);
    received.end();
  }
}

function encode(desc: DescMessage, message: unknown): Buffer {
  const bytes =
    message instanceof EncodedAnswer
      ? message.toBinary()
      : toBinary(desc, create(desc, message as MessageInitShape<DescMessage>));
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What calls of every kind have. */
interface AnyCall {
  readonly cancelled: boolean;
  readonly metadata: grpc.Metadata;
  once(event: "cancelled", listener: () => void): unknown;
}

/** Makes signal and headers only for those handlers that look at them. */
class GrpcCall implements Call {
  readonly #call: AnyCall;
  #signal: AbortSignal | undefined;
  #requestHeader: Headers | undefined;
  readonly #outbox: Outbox;
  #answer: HeldBytes | undefined;
  #answerBytes = 0;

  constructor(call: AnyCall, outbox: Outbox) {
    this.#call = call;
    this.#outbox = outbox;
  }

  get signal(): AbortSignal {
    this.#signal ??= signalOf(this.#call);
    return this.#signal;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= headersOf(this.#call.metadata);
    return this.#requestHeader;
  }

  get connection(): object | undefined {
    return http2Stream(this.#call)?.session;
  }

  get isPeerVerified(): boolean {
    // In clear it is no TLSSocket, and has no such field.
    const socket = http2Stream(this.#call)?.session?.socket as TLSSocket | undefined;
    return socket?.authorized === true;
  }

  direct(): DirectStream | undefined {
    const stream = http2Stream(this.#call);
    return stream && directStream(stream, "binary");
  }

  holdAnswer(bytes: number): void {
    this.#answer ??= openAnswer(this.#call, this.#outbox);
    this.#answer.take(bytes);
    this.#answerBytes += bytes;
  }

  /** Holds what of an answer is not held yet. */
  holdWhole(bytes: number): void {
    if (bytes > this.#answerBytes) this.holdAnswer(bytes - this.#answerBytes);
  }

  reset(): void {
    resetStream(this.#call);
  }
}

function connectionOf(call: object): object {
  return http2Stream(call)?.session ?? call;
}

function openAnswer(call: object, outbox: Outbox): HeldBytes {
  const stream = http2Stream(call);
  if (stream === undefined) throw new Error("a call of grpc-js has no stream");
  return outbox.open(stream.session ?? stream, stream);
}

function signalOf(call: AnyCall): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(isPastDeadline(call) ? deadlinePassed : callerLeft);
  if (call.cancelled) abort();
  else call.once("cancelled", abort);
  return controller.signal;
}

function headersOf(metadata: grpc.Metadata): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(metadata.getMap())) {
    if (typeof value === "string") headers.set(name, value);
  }
  return headers;
}
