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

import type { Call, DirectStream } from "../../api/call/handlers.ts";
import type { Intake } from "../intake/intake.ts";
import type { ServedService, UntypedHandler } from "../served-service.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import {
  asQueued,
  directStream,
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
  intake: Intake,
): grpc.UntypedServiceImplementation {
  const adapted = service.methods.map((method) => [
    method.localName,
    adapters[method.methodKind]({ method, intake }, handler(method)),
  ]);
  return Object.fromEntries(adapted);
}

/** A method, and what reads its requests. */
interface Served {
  readonly method: DescMethod;
  readonly intake: Intake;
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
  { method, intake }: Served,
  handler: UntypedHandler,
): grpc.handleUnaryCall<ReceivedMessage, Buffer> {
  return async (call, respond) => {
    try {
      const request = await call.request.read(method.input, intake);
      respond(null, encode(method.output, await handler(request, new GrpcCall(call))));
    } catch (thrown) {
      respond(toGrpcStatus(ConnectError.from(thrown, Code.Internal)));
    }
  };
}

function adaptServerStreaming(
  { method, intake }: Served,
  handler: UntypedHandler,
): grpc.handleServerStreamingCall<ReceivedMessage, Buffer> {
  return (call) =>
    pump({ method, call, write: oneByOne(call) }, async () => {
      const request = await call.request.read(method.input, intake);
      call.request.end();
      return handler(request, new GrpcCall(call));
    });
}

function adaptBidiStreaming(
  served: Served,
  handler: UntypedHandler,
): grpc.handleBidiStreamingCall<ReceivedMessage, Buffer> {
  const { method } = served;
  return (call) =>
    pump({ method, call, write: asQueued(call) }, async () =>
      handler(decoded(served, call), new GrpcCall(call)),
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
  const bytes = toBinary(desc, create(desc, message as MessageInitShape<DescMessage>));
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

  constructor(call: AnyCall) {
    this.#call = call;
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

  direct(): DirectStream | undefined {
    const stream = http2Stream(this.#call);
    return stream && directStream(stream);
  }

  breakOff(): void {
    resetStream(this.#call);
  }
}

function signalOf(call: AnyCall): AbortSignal {
  const controller = new AbortController();
  const abort = (): void =>
    controller.abort(
      isPastDeadline(call)
        ? new ConnectError("the deadline passed", Code.DeadlineExceeded)
        : new ConnectError("the caller left", Code.Canceled),
    );
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
