import type { EpochMs } from "../../core/time.ts";
import { equal, type SharedStrings } from "./shared-strings.ts";

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

/** Reads in the order in which {@link FlatWriter} wrote; anything else is unreadable. */
export class FlatReader {
  readonly #values: readonly unknown[];
  readonly #shared: SharedStrings;
  readonly #texts: string[] = [];
  readonly #lists: (readonly string[])[] = [];
  #origin: EpochMs | undefined;
  #at = 0;

  /** That of the record, set by whoever has read it. */
  version = 0;

  /** Texts and lists that records share come from `shared`, so that they are kept once. */
  constructor(json: string, shared: SharedStrings) {
    this.#values = parseArray(json);
    this.#shared = shared;
  }

  /** Added fields of the part that is read next; undefined when it has none. */
  added(): JsonFields | undefined {
    const value = this.#values[this.#at];
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    this.#at++;
    return value as JsonFields;
  }

  /** The copy of a text that records have in common. */
  share(text: string): string {
    return this.#shared.text(text);
  }

  text(): string {
    const value = this.#values[this.#at++];
    return typeof value === "string" ? value : this.#unexpected("a text");
  }

  /** A text that other records repeat as well. */
  sharedText(): string {
    const value = this.#values[this.#at++];
    if (typeof value === "number") return this.#texts[value] ?? this.#unexpected("a place");
    if (typeof value !== "string") return this.#unexpected("a text");
    const text = this.#shared.text(value);
    this.#texts.push(text);
    return text;
  }

  /** A text that only this record repeats, such as the id of something that it owns. */
  repeatedText(): string {
    const value = this.#values[this.#at++];
    if (typeof value === "number") return this.#texts[value] ?? this.#unexpected("a place");
    if (typeof value !== "string") return this.#unexpected("a text");
    this.#texts.push(value);
    return value;
  }

  maybeRepeatedText(): string | undefined {
    return this.#isAbsent() ? undefined : this.repeatedText();
  }

  sharedTexts(): readonly string[] {
    const value = this.#values[this.#at++];
    if (typeof value === "number") return this.#lists[value] ?? this.#unexpected("a place");
    if (!isTextArray(value)) return this.#unexpected("a list of texts");
    const list = this.#shared.list(value);
    this.#lists.push(list);
    return list;
  }

  number(): number {
    const value = this.#values[this.#at++];
    return typeof value === "number" ? value : this.#unexpected("a number");
  }

  moment(): EpochMs {
    const value = this.#values[this.#at++];
    if (typeof value === "string") return Number(value);
    if (typeof value !== "number") return this.#unexpected("a moment");
    const moment = value + (this.#origin ?? 0);
    this.#origin ??= moment;
    return moment;
  }

  maybeMoment(): EpochMs | undefined {
    return this.#isAbsent() ? undefined : this.moment();
  }

  flag(): boolean {
    const value = this.#values[this.#at++];
    if (value === 1) return true;
    return value === 0 ? false : this.#unexpected("a flag");
  }

  word<Word extends string>(words: Words<Word>): Word {
    return words.wordOf(this.number());
  }

  list<T>(read: (from: FlatReader) => T): readonly T[] {
    const length = this.number();
    if (length === 0) return none;
    if (length > this.#values.length) return this.#unexpected("a length");
    // Arrays that grow keep room to spare, which a million records cannot afford.
    if (length === 1) return [read(this)];
    const items = new Array<T>(length);
    for (let at = 0; at < length; at++) items[at] = read(this);
    return items;
  }

  maybe<T>(read: (from: FlatReader) => T): T | undefined {
    return this.flag() ? read(this) : undefined;
  }

  finish(): void {
    if (this.#at !== this.#values.length) this.#unexpected("the end");
  }

  #isAbsent(): boolean {
    if (this.#values[this.#at] !== null) return false;
    this.#at++;
    return true;
  }

  #unexpected(wanted: string): never {
    throw new RecordUnreadable(`${wanted} was expected as value ${this.#at}`);
  }
}

function isTextArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

const none: readonly never[] = [];

function parseArray(json: string): readonly unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    throw new RecordUnreadable("it is not JSON", { cause: error });
  }
  if (!Array.isArray(parsed)) throw new RecordUnreadable("it is not an array");
  return parsed;
}
