import { constants, type Http2Session, type Http2Stream } from "node:http2";

import type { Budgets } from "../../budget/budgets.ts";
import type { ConnectionTurns } from "../connections/connection-turns.ts";
import { networkOf } from "../connections/network.ts";
import type { Reader } from "../connections/readers.ts";
import { hasLeft, type Reading, readingOf } from "../connections/reading.ts";
import type { StreamCount } from "./refused-streams.ts";

/** Streams, resets and frames of data that a connection may bring before others have their turn. */
const perTurn = 64;

/** Beyond so many, what a connection brings in a turn is no more than noted: it is served in later ones. */
const crowd = 256;

const paces = new WeakMap<Http2Session, SessionPace>();

/** The pace of a connection; what it waits for are its turns. */
export function paceOf(session: Http2Session, turns: ConnectionTurns): SessionPace {
  const known = paces.get(session);
  if (known !== undefined) return known;
  const pace = new SessionPace(session, turns);
  paces.set(session, pace);
  return pace;
}

/**
 * Has a connection that brings much wait for its turn before any more is read of it. Node reads two
 * megabytes of one in a turn, which may be ten thousand calls.
 */
class SessionPace implements Reader {
  readonly #session: Http2Session;
  readonly #turns: ConnectionTurns;
  /** Where the connection comes from, and what counts its streams; set as soon as it is there. */
  address = "unknown";
  network = "unknown";
  streams: StreamCount | undefined;
  /** The connection ends: no more is read of it. */
  isOver = false;
  letReadIn: number | undefined;
  #turn = 0;
  #brought = 0;
  /** The first stream of this turn; those after it have higher numbers. */
  #firstId = Number.POSITIVE_INFINITY;
  /** Streams that this turn has brought and reset. */
  #resets = 0;
  #isHeld = false;
  #second = 0;
  #small = 0;
  #refused = 0;
  #control = 0;

  constructor(session: Http2Session, turns: ConnectionTurns) {
    this.#session = session;
    this.#turns = turns;
    session.once("close", () => turns.forget(this));
  }

  /** The connection has brought a stream. */
  bringStream({ id = Number.POSITIVE_INFINITY }: Http2Stream): void {
    this.streams?.begin();
    this.bring();
    this.#firstId = Math.min(this.#firstId, id);
  }

  /**
   * Whether this turn has brought the stream. The number of the turn may stay the same for up to 64
   * things that come one by one.
   */
  isOfTurn({ id = 0 }: Http2Stream): boolean {
    return id >= this.#firstId;
  }

  /** The connection has reset a stream of this turn; false once there are too many. */
  bringRapidReset(budgets: Budgets): boolean {
    if (this.isOver) return true;
    this.#resets += 1;
    return budgets.allows("turn_resets", this.#resets);
  }

  /** The connection has brought a stream, its end, or a frame of data. */
  bring(): void {
    if (this.#turn !== this.#turns.turn) {
      this.#turn = this.#turns.turn;
      this.#brought = 0;
      this.#firstId = Number.POSITIVE_INFINITY;
      this.#resets = 0;
    }
    this.#brought += 1;
    // HTTP/2 reads on by itself after a write.
    if (this.isOver) this.#reading?.readStop();
    if (this.#brought % perTurn === 0) this.hold();
    this.#turns.bring(this);
  }

  /** The connection has brought more in this turn than can be served in it. */
  get isCrowded(): boolean {
    return this.#brought > crowd && this.#turn === this.#turns.turn;
  }

  /**
   * The connection has brought a frame with next to nothing in it; false once there are too many in
   * a second.
   */
  bringSmall(budgets: Budgets): boolean {
    this.#beginSecond();
    this.#small += 1;
    return budgets.allows("small_chunks", this.#small);
  }

  /**
   * The connection has brought streams that were refused for their headers; false once there are too
   * many in a second.
   */
  bringRefused(streams: number, budgets: Budgets): boolean {
    this.hold();
    this.#beginSecond();
    this.#refused += streams;
    return budgets.allows("refused_streams", this.#refused);
  }

  /**
   * The connection has brought a frame for which HTTP/2 looks at all open streams; false once there
   * are too many in a second.
   */
  bringControl(budgets: Budgets): boolean {
    if (this.isOver) return true;
    this.#beginSecond();
    this.#control += 1;
    return budgets.allows("control_frames", this.#control);
  }

  #beginSecond(): void {
    if (this.#second === this.#turns.second) return;
    this.#second = this.#turns.second;
    this.#small = 0;
    this.#refused = 0;
    this.#control = 0;
  }

  /** Ends the connection, as one that asks too much: like HTTP/2 itself, with an error. */
  end(): void {
    if (this.isOver) return;
    // Node takes a code alone, from which it makes the error; its types do not say so.
    const session = this.#session as unknown as { destroy(code: number): void };
    session.destroy(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** The connection is new: it may bring much. */
  begin(address: string): void {
    this.address = address;
    this.network = networkOf(address);
    this.#turns.addNew(this);
    this.hold();
  }

  readNoMore(): void {
    this.isOver = true;
    this.#reading?.readStop();
  }

  /**
   * Reads no more before the connection has a turn of its own. It goes on early where HTTP/2 itself
   * has waited for a write: then it is held again.
   */
  hold(): void {
    this.#reading?.readStop();
    if (this.#isHeld) return;
    this.#isHeld = true;
    void this.#turns.next(this.#session).then(() => {
      this.#isHeld = false;
      if (this.isOver) return;
      this.letReadIn = this.#turns.turn;
      const reading = this.#reading;
      // Else HTTP/2 reads on by itself when the write has ended.
      if (reading !== undefined && hasLeft(reading)) reading.readStart();
    });
  }

  get #reading(): Reading | undefined {
    return this.#session.destroyed ? undefined : readingOf(this.#session.socket);
  }
}
