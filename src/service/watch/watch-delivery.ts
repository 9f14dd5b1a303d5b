import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { IdSource } from "../id-source.ts";
import { ReaderStalled, type WatchMessage } from "../lease-service.ts";
import type { Clock } from "../time/clock.ts";
import type { Turns } from "../time/turns.ts";
import type { WatchReader } from "./watch-reader.ts";

/** How often every reader is checked. */
export const checkEveryMs: DurationMs = 1_000;
/** The longest silence on a stream; each bookmark comes up to that much earlier, not all at once. */
const bookmarkEveryMs: DurationMs = 15_000;
const bookmarkSpreadMs: DurationMs = 4_000;
/** Reconnections after a drain, or of readers that stalled, are spread between these two. */
const reconnectMsMin: DurationMs = 500;
const reconnectMsMax: DurationMs = 5_000;
/** A reader that takes nothing for this long has its stream ended … */
const stalledMs: DurationMs = 60_000;
/** … and its stream is reset when it does not even take that. */
const farewellMs: DurationMs = 5_000;
/** What it takes to make a message, and to write those that leave together: so many in a step. */
const messagePoints = 4;
const writePoints = 8;
const togetherMax = 32;

interface WatchDeliveryDeps {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly turns: Turns;
  readonly onStalled: (reader: WatchReader) => void;
}

/** What was sent on all streams: states, and those that were merged into them. */
export interface WatchFigures {
  readonly states: number;
  readonly coalesced: number;
}

/**
 * Delivers to each reader its next message, no faster than the reader takes them: into its sink, or
 * to the loop of its stream. Keeps silent streams alive with bookmarks, and gives up readers that
 * take nothing.
 */
export class WatchDelivery {
  readonly #deps: WatchDeliveryDeps;
  readonly figures: { -readonly [Name in keyof WatchFigures]: WatchFigures[Name] } = {
    states: 0,
    coalesced: 0,
  };
  #isDraining = false;

  constructor(deps: WatchDeliveryDeps) {
    this.#deps = deps;
  }

  /** From now on the only message is to reconnect later. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Sends at once what the reader takes, and the rest in turns. */
  send(reader: WatchReader): void {
    if (reader.sink === undefined || reader.isFlowing) return;
    if (this.#sendNext(reader)) this.#flow(reader);
  }

  /** Messages go into the reader's sink until the service drains. */
  flowsByItself(reader: WatchReader): boolean {
    if (reader.sink === undefined) return false;
    return reader.isHolding || (reader.hasNews && !this.#isDraining);
  }

  /** Resolves when the reader has taken everything, or is woken for another reason. */
  async flowed(reader: WatchReader): Promise<void> {
    this.#flow(reader);
    if (!this.flowsByItself(reader) || reader.failure !== undefined) return;
    reader.isAwaited = true;
    await reader.waitToBeWoken();
    reader.isAwaited = false;
  }

  /** Sends what waits for the reader, some messages a step. */
  #flow(reader: WatchReader): void {
    if (reader.isFlowing || reader.isHolding) return;
    reader.isFlowing = true;
    this.#deps.turns.add(() => {
      if (this.#sendNext(reader)) return true;
      reader.isFlowing = false;
      if (reader.isAwaited && !reader.isHolding) reader.wake();
      return false;
    });
  }

  /** Sends the next messages into the sink; answers whether others may follow. */
  #sendNext(reader: WatchReader): boolean {
    const { sink } = reader;
    if (sink === undefined || reader.isHolding || reader.isGone || this.#isDraining) return false;
    this.#deps.turns.spend(writePoints);
    try {
      let isMore = true;
      for (let sent = 1; isMore && !reader.isHolding; sent += 1) {
        const message = this.messageFor(reader);
        if (message === undefined) return false;
        this.#deps.turns.spend(messagePoints);
        isMore = reader.hasNews && sent < togetherMax;
        reader.isHolding = !sink.write(message, isMore);
      }
    } catch (error) {
      return this.fail(reader, error);
    }
    if (reader.isHolding) return false;
    reader.bookmarkAt = this.nextBookmark();
    return reader.hasNews;
  }

  /** The sink takes another message. */
  ready(reader: WatchReader): void {
    if (reader.isGone) return;
    try {
      this.took(reader);
    } catch (error) {
      this.fail(reader, error);
      return;
    }
    if (reader.hasNews && !this.#isDraining) this.#flow(reader);
    else if (reader.isAwaited) reader.wake();
  }

  fail(reader: WatchReader, error: unknown): false {
    reader.failure = error;
    reader.wake();
    return false;
  }

  /** The next message. A drain comes first, since other processes have the rest. */
  messageFor(reader: WatchReader): WatchMessage | undefined {
    if (this.#isDraining) return { kind: "draining", reconnectAfterMs: this.#reconnectAfterMs() };
    if (reader.bearer?.isWarningDue === true) {
      const expiresInMs = reader.bearer.warn(this.#deps.clock.wall());
      return { kind: "bearer_expiring", expiresInMs };
    }
    const message = reader.take();
    if (message !== undefined) this.#count(message);
    if (message !== undefined || !reader.hasNews) return message;
    reader.bookmarkDue = false;
    return { kind: "bookmark", repeatsEveryMs: bookmarkEveryMs };
  }

  #count(message: WatchMessage): void {
    if (!("coalesced" in message)) return;
    this.figures.states += 1;
    this.figures.coalesced += message.coalesced;
  }

  took(reader: WatchReader): void {
    reader.isHolding = false;
    if (reader.heldMs >= stalledMs) throw new ReaderStalled(this.#reconnectAfterMs());
    reader.heldMs = 0;
    reader.bookmarkAt = this.nextBookmark();
  }

  /** Counts checks and not time: while this process stood still no reader could take anything. */
  check(reader: WatchReader, giveUp: () => void, now: EpochMs): void {
    this.#checkBearer(reader);
    if (reader.isHolding) {
      reader.heldMs += checkEveryMs;
      if (reader.heldMs === stalledMs) this.#deps.onStalled(reader);
      if (reader.heldMs >= stalledMs + farewellMs) giveUp();
    } else if (now >= reader.bookmarkAt) {
      reader.bookmarkDue = true;
      if (reader.sink === undefined) reader.wake();
      else this.#flow(reader);
    }
  }

  #checkBearer(reader: WatchReader): void {
    const { bearer } = reader;
    if (bearer === undefined || reader.failure !== undefined) return;
    try {
      bearer.check(this.#deps.clock.wall());
    } catch (error) {
      this.fail(reader, error);
      return;
    }
    if (!bearer.isWarningDue || reader.isHolding) return;
    if (reader.sink === undefined) reader.wake();
    else this.#flow(reader);
  }

  nextBookmark(): EpochMs {
    const early = checkEveryMs + bookmarkSpreadMs * this.#deps.ids.jitter();
    return this.#deps.clock.now() + bookmarkEveryMs - early;
  }

  #reconnectAfterMs(): DurationMs {
    const spread = (reconnectMsMax - reconnectMsMin) * this.#deps.ids.jitter();
    return Math.round(reconnectMsMin + spread);
  }
}
