import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

/** What a door knows of a call, in any protocol. A Connect HandlerContext already is one. */
export interface Call {
  readonly signal: AbortSignal;
  readonly requestHeader: Headers;
  /** The door also takes a message as its bytes, and sends them as they are. */
  readonly takesBytes?: boolean;
  /** Ends the call by force: for a reader that takes nothing, not even the end of its stream. */
  breakOff?(): void;
}

/**
 * One implementation of a service that every door can carry: Connect takes it as it is, grpc-js
 * through an adapter. A refusal is thrown as a ConnectError.
 */
export type Handlers<S extends DescService> = {
  readonly [Name in keyof S["method"]]: Handler<S["method"][Name]>;
};

export type Handler<M extends DescMethod> = M["methodKind"] extends "unary"
  ? (request: MessageShape<M["input"]>, call: Call) => Promise<MessageInitShape<M["output"]>>
  : M["methodKind"] extends "server_streaming"
    ? (
        request: MessageShape<M["input"]>,
        call: Call,
      ) => AsyncIterable<MessageInitShape<M["output"]>>
    : M["methodKind"] extends "bidi_streaming"
      ? (
          requests: AsyncIterable<MessageShape<M["input"]>>,
          call: Call,
        ) => AsyncIterable<MessageInitShape<M["output"]>>
      : never;
