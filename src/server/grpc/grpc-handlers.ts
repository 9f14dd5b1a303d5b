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

import type { Call } from "../../api/call/handlers.ts";
import { readMessage } from "../../api/request/read-message.ts";
import type { ServedService, UntypedHandler } from "../served-service.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import {
  asQueued,
  hasGone,
  isPastDeadline,
  oneByOne,
  resetStream,
  type StreamingCall,
  type Write,
} from "./grpc-writer.ts";

/** The handlers of a service as grpc-js calls them, for its {@link grpcDefinition}. */
export function grpcHandlers({
  service,
  handler,
}: ServedService): grpc.UntypedServiceImplementation {
  const adapted = service.methods.map((method) => [
    method.localName,
    adapters[method.methodKind](method, handler(method)),
  ]);
  return Object.fromEntries(adapted);
}

const adapters: Readonly<
  Record<DescMethod["methodKind"], (method: DescMethod, handler: UntypedHandler) => unknown>
> = {
  unary: adaptUnary,
  server_streaming: adaptServerStreaming,
  bidi_streaming: adaptBidiStreaming,
  client_streaming: (method) => {
    throw new Error(`${method.name}: no service of ours streams from clients alone`);
  },
};

function adaptUnary(
  method: DescMethod,
  handler: UntypedHandler,
): grpc.handleUnaryCall<Buffer, Buffer> {
  return async (call, respond) => {
    try {
      const request = readMessage(method.input, call.request, "binary");
      respond(null, encode(method.output, await handler(request, new GrpcCall(call))));
    } catch (thrown) {
      respond(toGrpcStatus(ConnectError.from(thrown, Code.Internal)));
    }
  };
}

function adaptServerStreaming(
  method: DescMethod,
  handler: UntypedHandler,
): grpc.handleServerStreamingCall<Buffer, Buffer> {
  return (call) =>
    pump({ method, call, write: oneByOne(call) }, () =>
      handler(readMessage(method.input, call.request, "binary"), new GrpcCall(call)),
    );
}

function adaptBidiStreaming(
  method: DescMethod,
  handler: UntypedHandler,
): grpc.handleBidiStreamingCall<Buffer, Buffer> {
  return (call) =>
    pump({ method, call, write: asQueued(call) }, () =>
      handler(decoded(method, call), new GrpcCall(call)),
    );
}

interface Pumped {
  readonly method: DescMethod;
  readonly call: StreamingCall;
  readonly write: Write;
}

/** Writes at the reader's pace until the handler, or the reader, ends; then sends the status. */
async function pump({ method, call, write }: Pumped, start: () => unknown): Promise<void> {
  try {
    for await (const message of start() as AsyncIterable<unknown>) {
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
  method: DescMethod,
  call: grpc.ServerDuplexStream<Buffer, Buffer>,
): AsyncGenerator<MessageShape<DescMessage>> {
  for await (const bytes of call.iterator({ destroyOnReturn: false })) {
    yield readMessage(method.input, bytes, "binary");
  }
}

/** A handler may also answer with bytes: a message that many readers get is serialised once. */
function encode(desc: DescMessage, message: unknown): Buffer {
  const bytes =
    message instanceof Uint8Array
      ? message
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
  readonly takesBytes = true;
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
