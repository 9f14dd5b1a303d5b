import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";

import type { Budgets } from "../../budget/budgets.ts";
import type { Arrivals } from "../connections/arrivals.ts";
import type { ConnectionTurns } from "../connections/connection-turns.ts";
import { countedPush } from "./counted-push.ts";
import { endInParts } from "./end-in-parts.ts";
import { endInTurn } from "./end-in-turn.ts";
import { forgetRemoved } from "./forget-streams.ts";
import { HeaderStrings } from "./header-strings.ts";
import type { CallRefusal, OpenCalls } from "./open-calls.ts";
import { countStreams } from "./refused-streams.ts";
import type { ResetBudget } from "./reset-budget.ts";
import { paceOf } from "./session-pace.ts";

type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
) => void;

/** What each header counts beside its name and value. */
const bytesPerHeader = 32;

const connectionOf = Symbol("the connection of a stream");
const headerBytesOf = Symbol("the bytes of a stream's headers");
const isForgiven = Symbol("the end of a stream is no fault of its caller");

interface Admitted extends ServerHttp2Stream {
  [connectionOf]?: object;
  [headerBytesOf]?: number;
  [isForgiven]?: boolean;
}

/** What judges the connections and calls of a door over HTTP/2. */
export interface Admission {
  readonly budgets: Budgets;
  readonly arrivals: Arrivals;
  readonly resets: ResetBudget;
  readonly turns: ConnectionTurns;
  readonly calls: OpenCalls;
  /** Refuses, in the door's own words, what is no call of it; says whether it did. */
  readonly refuses: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;
  /**
   * Carries a call past those who listened to the server so far, in turns that it sees to itself;
   * says whether it did.
   */
  readonly carries?: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;
  /** Refuses a call that {@link OpenCalls} has no room for. */
  readonly refuseForCalls: (stream: ServerHttp2Stream, what: CallRefusal) => void;
}

/** Looks at each connection and each call before those who listened to the server so far. */
export function admitStreams(
  http2Server: Http2Server | Http2SecureServer,
  {
    budgets,
    arrivals,
    resets,
    turns,
    calls,
    refuses,
    carries = () => false,
    refuseForCalls,
  }: Admission,
): void {
  admitConnections(http2Server, (socket) => {
    arrivals.connected();
    return resets.admits(addressOf(socket));
  });
  http2Server.on("session", (session) => beginSession(session, { budgets, turns, resets }));
  const strings = new HeaderStrings(budgets);
  const listeners = http2Server.listeners("stream") as StreamListener[];
  http2Server.removeAllListeners("stream");
  const push = countedPush(turns, budgets);
  const onEnded = (stream: Admitted, session: Http2Session): void => {
    const pace = paceOf(session, turns);
    pace.bring();
    const isReset = stream.rstCode !== constants.NGHTTP2_NO_ERROR && stream[isForgiven] !== true;
    if (!isReset) return;
    const isRapid = pace.isOfTurn(stream);
    // HTTP/2 drops what is left of the read as soon as the connection has ended.
    if (isRapid && !pace.bringRapidReset(budgets)) process.nextTick(() => pace.end());
    const fits = isRapid ? resets.countRapid(pace.address) : resets.count(pace.address);
    if (fits || pace.isOver) return;
    process.nextTick(() => session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM));
  };
  const destroy = endInTurn(turns, onEnded);
  // The same for all streams of a listener, since calls are made by the thousand.
  function onClose(this: Admitted): void {
    calls.close(this[connectionOf] ?? this, this[headerBytesOf] ?? 0);
  }
  // Node would keep one that was reset without an error until it has been read and written whole.
  function onAborted(this: Admitted): void {
    if (this.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    turns.wait(this[connectionOf] ?? this, () => {
      this.destroy();
      return true;
    });
  }
  function onTrailers(_trailers: unknown, _flags: number, rawTrailers: readonly string[]): void {
    strings.bring(bytesOf(rawTrailers));
  }
  const admit: StreamListener = (stream, headers, flags, rawHeaders) => {
    const pace = stream.session && paceOf(stream.session, turns);
    pace?.bringStream(stream);
    stream.push = push;
    stream._destroy = destroy;
    // A caller may leave before anybody else listens.
    stream.on("error", ignore);
    stream.on("trailers", onTrailers);
    const headerBytes = bytesOf(rawHeaders);
    strings.bring(headerBytes);
    // Opened and reset at once: no caller waits for an answer.
    if (stream.destroyed || stream.closed) return;
    // Nothing bounds them before the peer has confirmed that it knows the limit.
    if (!budgets.allows("header_bytes", headerBytes)) {
      if (pace?.bringRefused(1, budgets) === false) pace.end();
      return stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
    const connection = stream.session ?? stream;
    // Counted also where it is refused: its caller may leave the refusal unread.
    const full = calls.open(connection, headerBytes);
    if (full !== undefined) {
      // The door is full, which is no fault of others on the connection.
      (stream as Admitted)[isForgiven] = true;
      return refuseForCalls(stream, full);
    }
    (stream as Admitted)[connectionOf] = connection;
    (stream as Admitted)[headerBytesOf] = headerBytes;
    stream.on("close", onClose);
    stream.on("aborted", onAborted);
    const take = (): boolean => refuses(stream, headers) || carries(stream, headers);
    const hand = (): boolean => {
      if (isOver(stream)) return false;
      for (const listener of listeners)
        listener.call(http2Server, stream, headers, flags, rawHeaders);
      // Node would keep trailers with the call, and nobody reads them.
      stream.removeAllListeners("trailers");
      stream.on("trailers", onTrailers);
      // It ended while it waited, with nothing in it: the listeners would wait for the end forever.
      if (stream.readableEnded) stream.emit("end");
      return true;
    };
    arrivals.called(() => {
      if (pace?.isCrowded) turns.wait(connection, () => !isOver(stream) && (take() || hand()));
      else if (!isOver(stream) && !take()) turns.begin(connection, hand);
    });
  };
  (http2Server as Http2Server).on("stream", admit);
}

/** Sets up the tables, the pace and the counts of a new connection. */
function beginSession(
  session: ServerHttp2Session,
  { budgets, turns, resets }: Pick<Admission, "budgets" | "turns" | "resets">,
): void {
  // First: what ends the connection looks its streams up in these tables.
  forgetRemoved(session);
  // Many connections may be made at once, with all that one read takes on each.
  const pace = paceOf(session, turns);
  const address = addressOf(session.socket);
  pace.begin(address);
  endInParts(session, turns, () => pace.readNoMore());
  pace.streams = countStreams(session, (refused) => {
    budgets.refuse("header_bytes", refused);
    const isWithin = pace.bringRefused(refused, budgets);
    if (resets.countAll(address, refused) && isWithin) return;
    setImmediate(() => pace.end());
  });
  const bringControl = (): void => {
    // Not amid what HTTP/2 does with the frame. It takes in the rest of the read all the same.
    if (!pace.bringControl(budgets)) process.nextTick(() => pace.end());
  };
  session.on("remoteSettings", bringControl);
  session.on("goaway", bringControl);
  session.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith("ERR_HTTP2") === true) resets.countBroken(address);
  });
}

/** Turns connections away before anything is made for them, such as what TLS needs. */
function admitConnections(
  http2Server: Http2Server | Http2SecureServer,
  admits: (socket: Socket) => boolean,
): void {
  const listeners = http2Server.listeners("connection") as ((socket: Socket) => void)[];
  http2Server.removeAllListeners("connection");
  http2Server.on("connection", (socket: Socket) => {
    if (!admits(socket)) {
      socket.destroy();
      return;
    }
    for (const listener of listeners) listener.call(http2Server, socket);
  });
}

/** A call may end while it waits, or while a drain holds it back. */
function isOver(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

function ignore(): void {
  // Whoever serves a stream learns of its end otherwise.
}

function addressOf(socket: Pick<Socket, "remoteAddress"> | undefined): string {
  return socket?.remoteAddress ?? "unknown";
}

/** Counted as SETTINGS_MAX_HEADER_LIST_SIZE is (RFC 9113 §6.5.2). */
function bytesOf(rawHeaders: readonly string[]): number {
  let bytes = (rawHeaders.length / 2) * bytesPerHeader;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}
