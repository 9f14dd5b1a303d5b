import { constants, type Http2Session, type Http2Stream } from "node:http2";
import type { Socket } from "node:net";

import type { ConnectionTurns } from "../connections/connection-turns.ts";
import { hasLeft, readingOf } from "../connections/reading.ts";
import { symbolIn } from "./symbol-in.ts";

/** A connection with no more streams ends at once: one that is ended for what it sends does no more … */
const atOnceMax = 256;
/** … and others close so many in one piece of work. */
const perWork = 32;
/** What has been written when a connection ends has so long to leave. */
const lingerMs = 1_000;

type Done = (error?: Error | null) => void;

/** What ends a connection: Node calls the one where its own side does, the other for the peer's. */
interface Endable {
  destroy(error?: Error | number, code?: number): void;
  readonly socket: (Socket & { _destroy(error: Error | null, done: Done): void }) | undefined;
}

/**
 * Has the streams of a connection that ends close some at a time, and the connection after them: Node
 * would close all of them at once, and there may be twenty thousand.
 *
 * @param onEnding called before that begins, where there are many
 */
export function endInParts(
  session: Http2Session,
  turns: ConnectionTurns,
  onEnding: () => void,
): void {
  const ending = new Ending(session, turns, onEnding);
  const endable = session as unknown as Endable;
  const { socket } = endable;
  const destroy = endable.destroy.bind(session);
  // The session shows it in disguise, and not at all once it has ended.
  const own = socketOf(session);
  endable.destroy = (error, code) =>
    ending.after(codeOf(error, code), () => {
      destroy(error, code);
      if (own !== undefined && !own.destroyed) cutOffSoon(own, turns);
    });
  if (socket === undefined) return;
  const destroySocket = socket._destroy.bind(socket);
  socket._destroy = (error, done) =>
    ending.after(constants.NGHTTP2_CANCEL, () => destroySocket(error, done));
}

/**
 * HTTP/2 waits for what it has written to leave: for ever where the peer reads nothing, and over TLS
 * also where it has gone.
 */
function cutOffSoon(socket: Socket, turns: ConnectionTurns): void {
  setImmediate(() => {
    const reading = readingOf(socket);
    if (reading === undefined || hasLeft(reading)) socket.destroy();
    else void turns.after(lingerMs).then(() => socket.destroy());
  });
}

class Ending {
  readonly #session: Http2Session;
  readonly #turns: ConnectionTurns;
  readonly #onEnding: () => void;
  readonly #open: ReadonlyMap<number, Http2Stream> | undefined;
  /** What ends the connection; undefined while nothing does. */
  #ends: (() => void)[] | undefined;
  #hasEnded = false;

  constructor(session: Http2Session, turns: ConnectionTurns, onEnding: () => void) {
    this.#session = session;
    this.#turns = turns;
    this.#onEnding = onEnding;
    this.#open = streamsOf(session);
  }

  /** Ends the connection once its streams are closed, each with the code. */
  after(code: number, end: () => void): void {
    const open = this.#open;
    if (this.#hasEnded || open === undefined || open.size <= atOnceMax) end();
    else if (this.#ends !== undefined) this.#ends.push(end);
    else {
      this.#ends = [end];
      this.#onEnding();
      this.#close([...open.values()], code);
    }
  }

  #close(streams: Http2Stream[], code: number): void {
    this.#turns.wait(this.#session, () => {
      for (const stream of streams.splice(-perWork)) if (!stream.closed) stream.close(code);
      if (streams.length > 0) this.#close(streams, code);
      else this.#finish();
      return true;
    });
  }

  #finish(): void {
    this.#hasEnded = true;
    for (const end of this.#ends ?? []) end();
  }
}

/** The socket itself. */
function socketOf(session: Http2Session): Socket | undefined {
  const symbol = symbolIn(session, "socket");
  return symbol && (session as unknown as Record<symbol, Socket | undefined>)[symbol];
}

/** The streams that are open, by what Node itself keeps of them. */
function streamsOf(session: Http2Session): ReadonlyMap<number, Http2Stream> | undefined {
  const symbol = symbolIn(session, "state");
  const inside = session as unknown as Record<
    symbol,
    { readonly streams?: ReadonlyMap<number, Http2Stream> }
  >;
  return symbol && inside[symbol]?.streams;
}

/** What streams are reset with when the connection is destroyed with these. */
function codeOf(error?: Error | number, code?: number): number {
  const given = typeof error === "number" ? error : code;
  return given || (error ? constants.NGHTTP2_INTERNAL_ERROR : constants.NGHTTP2_CANCEL);
}
