import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";

import { Code, ConnectError } from "@connectrpc/connect";

import type { Call, DirectStream } from "../../api/call/handlers.ts";
import { refuseMessage } from "../../api/request/read-message.ts";
import { requestIdHeader, saneRequestId } from "../../observe/requests.ts";
import { grpcTimeoutMsOf } from "../call-deadline.ts";
import { callerLeft, deadlinePassed } from "../guard.ts";
import type { HeldBytes } from "../held-bytes.ts";
import { headersOf } from "../http-headers.ts";
import { directStream } from "../http2/direct-stream.ts";
import { Envelopes, opened } from "../intake/envelopes.ts";
import type { PackedBytes } from "../intake/intake.ts";
import { largeAnswerBytes } from "../outbox.ts";
import { ahead, GrpcAnswers, isOver, oneByOne, reset } from "./grpc-answers.ts";
import { grpcEncodingOf } from "./grpc-encoding.ts";
import type { GrpcMethod } from "./grpc-method.ts";
import { GrpcRequests } from "./grpc-requests.ts";

const carried = Symbol("the call that a stream carries");

interface Carrier extends ServerHttp2Stream {
  [carried]?: GrpcCall;
}

/**
 * Carries a call by its stream of HTTP/2, past grpc-js, which makes only the listener and the
 * connections. With its promises, copies of headers and two writes, grpc-js would take as long for a
 * call as HTTP/2 and the method together. The listeners are the same for all streams, since calls are
 * made by the thousand.
 */
export function carryCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  method: GrpcMethod,
): void {
  const call = new GrpcCall(stream, headers, method);
  (stream as Carrier)[carried] = call;
  stream.on("close", onClose);
  stream.on("data", onData);
  if (stream.readableEnded) call.receiveEnd();
  else stream.on("end", onEnd);
}

function onData(this: Carrier, chunk: Buffer): void {
  this[carried]?.receive(chunk);
}

function onEnd(this: Carrier): void {
  this[carried]?.receiveEnd();
}

function onClose(this: Carrier): void {
  this[carried]?.close();
}

class GrpcCall implements Call {
  readonly connection: object;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #method: GrpcMethod;
  readonly #held: HeldBytes;
  readonly #envelopes: Envelopes;
  readonly #answers: GrpcAnswers;
  /** Undefined for a call without one. */
  readonly #cancelDeadline: (() => void) | undefined;
  /** The message of a call that sends only one. */
  #message: PackedBytes | undefined;
  /** The messages of a call that may send many; undefined for others. */
  readonly #requests: GrpcRequests | undefined;
  /** What comes now is part of nothing that can be read. */
  #isUnreadable = false;
  /** The last of its answer is on its way, or it has ended otherwise. */
  #isAnswered = false;
  #endedBy: ConnectError = callerLeft;
  #abort: AbortController | undefined;
  #requestHeader: Headers | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, method: GrpcMethod) {
    const { kind, intake, outbox, callAfter } = method;
    this.connection = stream.session ?? stream;
    this.#stream = stream;
    this.#headers = headers;
    this.#method = method;
    this.#held = intake.hold(this.connection);
    this.#envelopes = new Envelopes(intake.budgets);
    const pace = kind === "server_streaming" ? oneByOne : ahead;
    this.#answers = new GrpcAnswers(stream, this.connection, outbox, pace);
    this.#answers.requestId = saneRequestId(headers[requestIdHeader]);
    const timeoutMs = grpcTimeoutMsOf(headers);
    if (timeoutMs !== undefined) {
      this.#cancelDeadline = callAfter(timeoutMs, () => this.#passDeadline());
    }
    if (kind !== "bidi_streaming") return;
    const requests = new GrpcRequests(stream, method, this.#held);
    this.#requests = requests;
    this.#inTurn(() => this.#pump(requests));
  }

  receive(chunk: Buffer): void {
    if (this.#isAnswered || this.#isUnreadable) return;
    try {
      this.#held.take(chunk.length);
      this.#envelopes.add(chunk);
      for (let next = this.#envelopes.next(); next !== undefined; next = this.#envelopes.next()) {
        this.#add(this.#packed(next));
      }
    } catch (thrown) {
      this.#isUnreadable = true;
      this.#fail(thrown);
    }
  }

  /** Refuses what cannot be read; of many messages, those before it are answered first. */
  #fail(thrown: unknown): void {
    if (this.#requests === undefined) this.#refuse(thrown);
    else this.#requests.fail(thrown);
  }

  #packed(envelope: Buffer): PackedBytes {
    const encoding = this.#headers["grpc-encoding"] ?? "identity";
    return opened(envelope, String(encoding), grpcEncodingOf);
  }

  #add(packed: PackedBytes): void {
    if (this.#requests !== undefined) {
      this.#requests.add(packed);
      return;
    }
    if (this.#message !== undefined) refuseMessage("must be sent once");
    this.#message = packed;
  }

  /** All has come: a call that has waited for that begins when its connection has a turn. */
  receiveEnd(): void {
    if (this.#isAnswered || this.#isUnreadable) return;
    try {
      this.#envelopes.end();
    } catch (thrown) {
      this.#fail(thrown);
      return;
    }
    if (this.#requests !== undefined) this.#requests.end();
    else this.#inTurn(() => this.#begin());
  }

  #inTurn(begin: () => Promise<void>): void {
    this.#method.intake.begin(this.connection, () => {
      if (this.#hasEnded) return false;
      void begin();
      return true;
    });
  }

  async #begin(): Promise<void> {
    const { kind, handler } = this.#method;
    try {
      const packed = this.#message ?? refuseMessage("must be sent");
      const read = this.#method.read(packed, this.#held);
      const { message } = read instanceof Promise ? await read : read;
      if (this.#hasEnded) return;
      if (kind === "unary") return this.#answer(await handler(message, this));
      // A stream outlives its request, and what it keeps of that is bounded by itself.
      this.#held.end();
      this.#message = undefined;
      await this.#pump(message);
    } catch (thrown) {
      this.#refuse(thrown);
    }
  }

  #answer(answer: unknown): void {
    if (this.#hasEnded) return;
    const envelope = this.#method.encode(answer);
    if (envelope.length > largeAnswerBytes) this.#answers.holdWhole(envelope.length);
    this.#settle();
    this.#answers.answer(envelope);
  }

  /** Writes at the reader's pace until the handler, or the reader, ends; then sends the status. */
  async #pump(request: unknown): Promise<void> {
    const { handler, encode } = this.#method;
    try {
      for await (const answer of handler(request, this) as AsyncIterable<unknown>) {
        if (this.#hasEnded) return;
        const taken = this.#answers.write(encode(answer));
        if (taken !== undefined) await taken;
      }
      if (this.#hasEnded) return;
      this.#settle();
      this.#answers.end();
    } catch (thrown) {
      this.#refuse(thrown);
    }
  }

  #refuse(thrown: unknown): void {
    if (this.#hasEnded) return;
    this.#settle();
    this.#answers.refuse(ConnectError.from(thrown, Code.Internal));
  }

  #passDeadline(): void {
    this.#endedBy = deadlinePassed;
    this.#refuse(deadlinePassed);
    this.#abandon();
  }

  close(): void {
    this.#settle();
    this.#held.end();
    this.#answers.leave();
    this.#abandon();
  }

  /** Nothing follows what has been answered by now. */
  #settle(): void {
    this.#isAnswered = true;
    this.#cancelDeadline?.();
  }

  /** Has the handler learn that nobody waits for it. */
  #abandon(): void {
    this.#requests?.leave();
    this.#abort?.abort(this.#endedBy);
  }

  get #hasEnded(): boolean {
    return this.#isAnswered || isOver(this.#stream);
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#hasEnded) this.#abort.abort(this.#endedBy);
    return this.#abort.signal;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= headersOf(this.#headers);
    return this.#requestHeader;
  }

  get isPeerVerified(): boolean {
    // In clear it is no TLSSocket, and has no such field.
    const socket = this.#stream.session?.socket as TLSSocket | undefined;
    return socket?.authorized === true;
  }

  direct(): DirectStream {
    return directStream(this.#stream, "binary");
  }

  holdAnswer(bytes: number): void {
    this.#answers.hold(bytes);
  }

  reset(): void {
    reset(this.#stream);
  }
}
