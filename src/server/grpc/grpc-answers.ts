import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";

import type { ConnectError } from "@connectrpc/connect";

import { requestIdHeader } from "../../observe/requests.ts";
import type { HeldBytes } from "../held-bytes.ts";
import { closeInput } from "../http2/close-input.ts";
import type { Outbox } from "../outbox.ts";
import { refuseWith, trailersOf } from "./grpc-status.ts";

const headers = {
  ":status": 200,
  "content-type": "application/grpc+proto",
  "grpc-accept-encoding": "identity,deflate,gzip",
  "grpc-encoding": "identity",
} as const;
const beforeTrailers = { waitForTrailers: true, sendDate: false } as const;
const okTrailers = { "grpc-status": "0" } as const;

/** How far a call writes ahead of its reader. */
interface Pace {
  /** Answers that may wait to be sent. */
  readonly aheadMax: number;
  /** What waits is held against the caller, and given up when it is not read in time. */
  readonly isHeld: boolean;
}

/** Answers all have to be sent anyway. */
export const ahead: Pace = { aheadMax: 16, isHeld: true };
/** States of which only the newest counts, by a source that sees to its readers itself. */
export const oneByOne: Pace = { aheadMax: 1, isHeld: false };

const answersOf = Symbol("the answers that a stream carries");

interface Carrier extends ServerHttp2Stream {
  [answersOf]?: GrpcAnswers;
}

/** What is written to the stream of a call: its answers, and the status at its end. */
export class GrpcAnswers {
  readonly #stream: Carrier;
  readonly #outbox: Outbox;
  readonly #pace: Pace;
  readonly #connection: object;
  #held: HeldBytes | undefined;
  #heldBytes = 0;
  /** Answers of this turn: they leave together. */
  #together: Buffer[] = [];
  #waiting = 0;
  #onSent: (() => void) | undefined;
  #trailers: OutgoingHttpHeaders = okTrailers;
  /** What its caller named the call, and is answered. */
  requestId: string | undefined;

  constructor(stream: ServerHttp2Stream, connection: object, outbox: Outbox, pace: Pace) {
    this.#stream = stream;
    this.#connection = connection;
    this.#outbox = outbox;
    this.#pace = pace;
  }

  /** Holds bytes of an answer that is being made; throws TOO_MANY where too many are held. */
  hold(bytes: number): void {
    this.#held ??= this.#outbox.open(this.#connection, this.#stream);
    this.#held.take(bytes);
    this.#heldBytes += bytes;
  }

  /** Holds what of an answer is not held yet. */
  holdWhole(bytes: number): void {
    if (bytes > this.#heldBytes) this.hold(bytes - this.#heldBytes);
  }

  /** Writes an answer; what it returns resolves when the next may be fetched, or nobody reads on. */
  write(envelope: Buffer): Promise<void> | undefined {
    if (this.#pace.isHeld) this.hold(envelope.length);
    this.#together.push(envelope);
    this.#waiting += 1;
    if (this.#together.length === 1) process.nextTick(flush, this);
    if (this.#waiting < this.#pace.aheadMax) return undefined;
    return new Promise((resolve) => {
      this.#onSent = resolve;
    });
  }

  flush(): void {
    const together = this.#together;
    if (together.length === 0 || isOver(this.#stream)) return;
    this.#together = [];
    const bytes = together.length === 1 && together[0] ? together[0] : Buffer.concat(together);
    this.#begin();
    if (this.#pace.isHeld) this.#outbox.waits(this.#stream, reset);
    this.#stream.write(bytes, () => this.#sent(together.length, bytes.length));
  }

  #sent(answers: number, bytes: number): void {
    this.#waiting -= answers;
    if (this.#pace.isHeld) {
      this.#held?.giveBack(bytes);
      this.#heldBytes -= bytes;
      if (this.#waiting === 0) this.#outbox.ended(this.#stream);
    }
    this.#goOn();
  }

  /** Sends the one answer of a call, and its end, at once. */
  answer(envelope: Buffer): void {
    this.#outbox.waits(this.#stream, reset);
    this.#begin();
    this.#stream.end(envelope);
  }

  /** Ends the call behind its answers. */
  end(): void {
    this.flush();
    this.#begin();
    this.#endStream();
  }

  /** Ends the call with an error, behind what was answered already. */
  refuse(error: ConnectError): void {
    this.flush();
    if (!this.#stream.headersSent) {
      refuseWith(this.#stream, error, this.#named({}));
      return;
    }
    this.#trailers = trailersOf(error);
    this.#endStream();
  }

  /** The status leaves behind all that waits, whatever saw to its reader until now. */
  #endStream(): void {
    this.#outbox.waits(this.#stream, reset);
    this.#stream.end();
  }

  /** Everything has left but the status. */
  finish(): void {
    this.#outbox.ended(this.#stream);
    this.#stream.sendTrailers(this.#trailers);
    if (!this.#stream.readableEnded) closeInput(this.#stream);
  }

  /** Nobody reads on. */
  leave(): void {
    this.#outbox.ended(this.#stream);
    this.#goOn();
  }

  #begin(): void {
    if (this.#stream.headersSent) return;
    this.#stream[answersOf] = this;
    this.#stream.on("wantTrailers", onWantTrailers);
    this.#stream.respond(this.#named(headers), beforeTrailers);
  }

  #named(others: OutgoingHttpHeaders): OutgoingHttpHeaders {
    const id = this.requestId;
    return id === undefined ? others : { ...others, [requestIdHeader]: id };
  }

  #goOn(): void {
    this.#onSent?.();
    this.#onSent = undefined;
  }
}

/**
 * Resets the stream of a call, whatever waits to be sent: a status would wait behind it. Clients
 * read this code as UNAVAILABLE.
 */
export function reset(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_REFUSED_STREAM);
}

/** Whether nothing can be sent on a stream any more. */
export function isOver(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

function flush(answers: GrpcAnswers): void {
  answers.flush();
}

function onWantTrailers(this: Carrier): void {
  this[answersOf]?.finish();
}
