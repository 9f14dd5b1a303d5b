import type { EpochMs } from "../../core/time.ts";
import { equal } from "./shared-strings.ts";

/**
 * A record as one JSON array without keys: values in the order in which they are written. The first
 * moment is written whole and the others relative to it. A repeated text or list is written as the
 * index of its first occurrence.
 */
type FlatValue = string | number | null | readonly string[] | JsonFields;

/** Added fields of the part that follows, by name: the only objects in a record. */
export type JsonFields = Readonly<Record<string, Json>>;

/** What JSON has for the value of an added field. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json };

/** Stored as its number, so that words may be renamed; a number is never given to another word. */
type WordCodes<Word extends string> = Readonly<Record<Word, number>>;

/** Both directions of a table of words; the compiler asks for every word of the union. */
export class Words<Word extends string> {
  readonly #codes: WordCodes<Word>;
  readonly #words: readonly (Word | undefined)[];
  readonly #otherwise: Word | undefined;

  /** @param otherwise what a word of a later version is taken for; without it, it is unreadable */
  constructor(codes: WordCodes<Word>, otherwise?: Word) {
    const words: (Word | undefined)[] = [];
    for (const word of Object.keys(codes) as Word[]) words[codes[word]] = word;
    this.#codes = codes;
    this.#words = words;
    this.#otherwise = otherwise;
  }

  codeOf(word: Word): number {
    const code = this.#codes[word];
    if (code === undefined) throw new TypeError(`No code is known for '${word}'`);
    return code;
  }

  wordOf(code: number): Word {
    const word = this.#words[code] ?? this.#otherwise;
    if (word === undefined) throw new RecordUnreadable(`no word is known for code ${code}`);
    return word;
  }
}

/** The text is no record that this version wrote. */
export class RecordUnreadable extends Error {
  override readonly name = "RecordUnreadable";
}

export class FlatWriter {
  /** The first is the version. */
  readonly #values: FlatValue[] = [0];
  readonly #texts: string[] = [];
  readonly #lists: (readonly string[])[] = [];
  #origin: EpochMs | undefined;
  #hasAdded = false;

  /** Whether there are added fields in what was written. */
  get hasAdded(): boolean {
    return this.#hasAdded;
  }

  /** Added fields of the part that is written next. */
  added(fields: JsonFields): void {
    this.#hasAdded = true;
    this.#values.push(fields);
  }

  text(value: string): void {
    this.#values.push(value);
  }

  /** A text that this record may repeat. */
  repeatedText(value: string): void {
    const place = this.#texts.indexOf(value);
    this.#values.push(place < 0 ? value : place);
    if (place < 0) this.#texts.push(value);
  }

  maybeRepeatedText(value: string | undefined): void {
    if (value === undefined) this.#values.push(null);
    else this.repeatedText(value);
  }

  /** A list that this record may repeat. */
  repeatedTexts(values: readonly string[]): void {
    const place = this.#lists.findIndex((list) => equal(list, values));
    this.#values.push(place < 0 ? values : place);
    if (place < 0) this.#lists.push(values);
  }

  /** JSON has no word for NaN or infinity: they are refused here instead of at the next start. */
  number(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError(`Cannot store ${value} as a number`);
    this.#values.push(value);
  }

  /** Service time, or a count that began at service time. */
  moment(value: EpochMs): void {
    if (!Number.isSafeInteger(value)) {
      // Differences of fractions are not exact, so such a moment is written whole, as text.
      if (!Number.isFinite(value)) throw new TypeError(`Cannot store ${value} as a moment`);
      this.#values.push(String(value));
      return;
    }
    this.#values.push(value - (this.#origin ?? 0));
    this.#origin ??= value;
  }

  maybeMoment(value: EpochMs | undefined): void {
    if (value === undefined) this.#values.push(null);
    else this.moment(value);
  }

  flag(value: boolean): void {
    this.#values.push(value ? 1 : 0);
  }

  word<Word extends string>(words: Words<Word>, value: Word): void {
    this.#values.push(words.codeOf(value));
  }

  list<T>(items: readonly T[], write: (out: FlatWriter, item: T) => void): void {
    this.#values.push(items.length);
    for (const item of items) write(this, item);
  }

  maybe<T>(value: T | undefined, write: (out: FlatWriter, value: T) => void): void {
    this.#values.push(value === undefined ? 0 : 1);
    if (value !== undefined) write(this, value);
  }

  /** The record, as one of that version. */
  finish(version: number): string {
    this.#values[0] = version;
    return JSON.stringify(this.#values);
  }
}
