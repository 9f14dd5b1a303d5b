import type { SessionRecord } from "../core/session.ts";
import { decodeRecord, encodeRecord } from "./codec/session-codec.ts";
import { SharedStrings } from "./codec/shared-strings.ts";

/**
 * How many records are held decoded: more than one process can serve sessions that renew and
 * report, and about 125 MB of them.
 */
const decodedMaxDefault = 50_000;

/** So many are considered before one of them has to give way, or a turn could go through them all. */
const looksMax = 16;

/** A record that is held decoded, as the text that a store writes of it, or as both. */
export interface Held {
  record: SessionRecord | undefined;
  text: string | undefined;
  /** It was used since it was decoded, or since it was last considered for being held as text. */
  isInUse: boolean;
}

/**
 * Holds the records in use decoded and all others as text, which takes a quarter of the room and
 * gives the garbage collector one object to look at instead of thirty. Those that have not been in
 * use for longest give way, as far as one bit can tell: the clock algorithm, see
 * https://en.wikipedia.org/wiki/Page_replacement_algorithm#Clock.
 */
export class HeldRecords {
  readonly #shared = new SharedStrings();
  readonly #decodedMax: number;
  /** All that are held decoded, and some that have been dropped since. */
  readonly #decoded: Held[] = [];
  #hand = 0;

  constructor(decodedMax: number = decodedMaxDefault) {
    this.#decodedMax = decodedMax;
  }

  /** The record, for which there is a use. The second within a while keeps it decoded. */
  use(held: Held): SessionRecord {
    if (held.record !== undefined) {
      held.isInUse = true;
      return held.record;
    }
    const record = this.look(held);
    this.#makeRoomFor(held);
    held.record = record;
    return record;
  }

  /** The record, in passing: it stays as it is held. */
  look(held: Held): SessionRecord {
    return held.record ?? decodeRecord(held.text as string, this.#shared);
  }

  /** @param text what a store writes of the record, if that is known already */
  replace(held: Held, record: SessionRecord, text: string | undefined): void {
    if (held.record === undefined) this.#makeRoomFor(held);
    held.record = record;
    held.text = text;
  }

  /** The text of the record as it is held. */
  textOf(held: Held): string {
    held.text ??= encodeRecord(held.record as SessionRecord);
    return held.text;
  }

  /** The record is held no longer. */
  drop(held: Held): void {
    held.record = undefined;
    held.text = undefined;
    held.isInUse = false;
  }

  /** One copy of a text that many records repeat. */
  share(text: string): string {
    return this.#shared.text(text);
  }

  #makeRoomFor(held: Held): void {
    const decoded = this.#decoded;
    if (decoded.length < this.#decodedMax) {
      decoded.push(held);
      return;
    }
    for (let looks = 1; ; looks += 1) {
      this.#hand = (this.#hand + 1) % decoded.length;
      const candidate = decoded[this.#hand] as Held;
      if (!candidate.isInUse || looks === looksMax) break;
      candidate.isInUse = false;
    }
    const idle = decoded[this.#hand] as Held;
    if (idle.record !== undefined) this.textOf(idle);
    idle.record = undefined;
    idle.isInUse = false;
    decoded[this.#hand] = held;
  }
}
