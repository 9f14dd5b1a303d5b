import { connect, type Http2Session, type Http2Stream } from "node:http2";
import { Duplex } from "node:stream";

import { symbolIn } from "./symbol-in.ts";

/** HTTP/2 does not say which connection a stream was of: that is looked up after so many. */
const refusedPerLook = 16;

/** How many streams a connection has brought, as far as they are known here. */
export class StreamCount {
  readonly #session: Http2Session;
  readonly #onRefused: (streams: number) => void;
  #known = 0;

  constructor(session: Http2Session, onRefused: (streams: number) => void) {
    this.#session = session;
    this.#onRefused = onRefused;
  }

  /** A stream has begun. */
  begin(): void {
    this.#known += 1;
  }

  /** Reports those that HTTP/2 has begun and that nobody here was told of; returns how many. */
  look(): number {
    const { lastProcStreamID = 0 } = this.#session.state;
    // Those of the peer have the odd numbers.
    const refused = Math.max(0, Math.ceil(lastProcStreamID / 2) - this.#known);
    this.#known += refused;
    if (refused > 0) this.#onRefused(refused);
    return refused;
  }
}

const counts = new Map<Http2Session, StreamCount>();
let isNoticed = false;
/** Refused streams of which it is not known yet whose they were. */
let unknown = 0;

/**
 * Counts the streams of a connection, and reports those that HTTP/2 refuses by itself because of
 * their headers. Node makes no event of these, and what they cost is taken from the loop all the same.
 *
 * @param onRefused called amid what HTTP/2 does with the connection: it must not end it at once
 */
export function countStreams(
  session: Http2Session,
  onRefused: (streams: number) => void,
): StreamCount {
  noticeRefusals();
  const count = new StreamCount(session, onRefused);
  counts.set(session, count);
  session.once("close", () => counts.delete(session));
  return count;
}

/** A stream that closes asks whose it is. One that nobody was told of is nobody's, but for this. */
const nobodys = {
  /** Says to Node that there is nothing to close. */
  get destroyed(): true {
    unknown += 1;
    if (unknown >= refusedPerLook) lookAtAll();
    return true;
  },
};

/** All that came in one read have been refused by then, and close one after the other. */
function lookAtAll(): void {
  for (const count of counts.values()) unknown -= count.look();
  setImmediate(() => {
    unknown = 0;
  });
}

function noticeRefusals(): void {
  if (isNoticed) return;
  isNoticed = true;
  const handle = streamHandle();
  const owner = symbolIn(handle, "owner_symbol");
  const all: unknown = handle && Object.getPrototypeOf(handle);
  if (all && owner) Object.defineProperty(all, owner, { value: nobodys, writable: true });
}

/** What stands for a stream inside of Node: of one that goes nowhere, since they are all alike. */
function streamHandle(): object | undefined {
  const nowhere = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  const session = connect("http://localhost", { createConnection: () => nowhere });
  session.on("error", () => undefined);
  const stream: Http2Stream = session.request();
  stream.on("error", () => undefined);
  const symbol = symbolIn(stream, "kHandle");
  const handle = symbol && (stream as unknown as Record<symbol, object>)[symbol];
  session.destroy();
  return handle;
}
