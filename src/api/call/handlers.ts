import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

/** What a door knows of a call, in any protocol. A Connect HandlerContext already is one. */
export interface Call {
  readonly signal: AbortSignal;
  readonly requestHeader: Headers;
  /** The connection that the call came by, where calls share one. */
  readonly connection?: object | undefined;
  /** The caller's certificate was verified by the authority that the internal door trusts. */
  readonly isPeerVerified?: boolean;
  /** How the answer is written, where it is not in binary. */
  readonly format?: DirectStream["format"];
  /**
   * Writes past the protocol stack, for a stream whose first message has been sent. From then on
   * the stack only gets the end of the stream.
   */
  direct?(): DirectStream | undefined;
  /**
   * Counts these bytes of a large answer against the caller until they have been sent. Throws
   * TOO_MANY when too much is unread on the connection or in the process.
   */
  holdAnswer?(bytes: number): void;
  /** Ends the call by force: for a reader that takes nothing, not even the end of its stream. */
  reset?(): void;
}

/** Sends messages as they are: many streams can be sent the same bytes. */
export interface DirectStream {
  readonly format: "binary" | "json";
  /** Takes messages in their envelopes; false when it takes no others until it has called `onReady`. */
  write(envelopes: Buffer): boolean;
  onReady: () => void;
}

/**
 * One implementation of a service that every door can carry: Connect takes it as it is, the
 * gRPC door calls it. A refusal is thrown as a ConnectError.
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
