import type { ServerHttp2Stream } from "node:http2";

import type { HeldBytes } from "../held-bytes.ts";
import { envelopeBytes } from "../intake/envelopes.ts";
import type { PackedBytes } from "../intake/intake.ts";
import type { GrpcMethod } from "./grpc-method.ts";

/** Messages that may wait until no more is read of a call. */
const aheadMax = 16;

/** The messages of a call that sends many: each is read when its handler asks for it. */
export class GrpcRequests implements AsyncIterableIterator<unknown> {
  readonly #stream: ServerHttp2Stream;
  readonly #method: GrpcMethod;
  readonly #held: HeldBytes;
  readonly #waiting: PackedBytes[] = [];
  #hasAll = false;
  #fault: { readonly thrown: unknown } | undefined;
  #onMore: (() => void) | undefined;
  /** What the message takes that was asked for last. */
  #lastBytes = 0;

  constructor(stream: ServerHttp2Stream, method: GrpcMethod, held: HeldBytes) {
    this.#stream = stream;
    this.#method = method;
    this.#held = held;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  add(packed: PackedBytes): void {
    this.#waiting.push(packed);
    if (this.#waiting.length === aheadMax) this.#stream.pause();
    this.#onMore?.();
  }

  /** No more will come. */
  end(): void {
    this.#hasAll = true;
    this.#onMore?.();
  }

  /** What comes next cannot be read. */
  fail(thrown: unknown): void {
    this.#fault ??= { thrown };
    this.end();
  }

  /** The call is over: what waits is of no use any more. */
  leave(): void {
    this.#waiting.length = 0;
    this.#fault = undefined;
    this.end();
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    this.#held.giveBack(this.#lastBytes);
    this.#lastBytes = 0;
    if (this.#waiting.length === 0) {
      if (this.#stream.isPaused()) this.#stream.resume();
      if (!this.#hasAll) await this.#more();
    }
    // What waits is dropped where the call ends before its turn.
    const turn = this.#waiting.length === 0 ? undefined : this.#turn();
    if (turn !== undefined) await turn;
    const packed = this.#waiting.shift();
    if (packed === undefined && this.#fault !== undefined) throw this.#fault.thrown;
    if (packed === undefined) return { done: true, value: undefined };
    const read = this.#method.read(packed, this.#held);
    const { message, heldBytes } = read instanceof Promise ? await read : read;
    this.#lastBytes = packed.bytes.length + envelopeBytes + heldBytes;
    return { done: false, value: message };
  }

  /** Its handler wants no more; what else comes is dropped by the call itself. */
  async return(): Promise<IteratorResult<unknown, undefined>> {
    this.leave();
    return { done: true, value: undefined };
  }

  #turn(): Promise<void> | undefined {
    return this.#method.intake.turn(this.#held.connection);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#onMore = () => {
        this.#onMore = undefined;
        resolve();
      };
    });
  }
}
