import type { EpochMs } from "../../core/time.ts";
import { type JsonFields, RecordUnreadable, type Words } from "./flat-record.ts";
import type { SharedStrings } from "./shared-strings.ts";

/**
 * Reads in the order in which `FlatWriter` wrote; anything else is unreadable. What the values are
 * taken from is left to those who extend it.
 */
export abstract class RecordReader {
  /** That of the record, set by whoever has read it. */
  version = 0;
  readonly #texts: string[] = [];
  readonly #lists: (readonly string[])[] = [];
  #origin: EpochMs | undefined;

  /** Added fields of the part that is read next; undefined when it has none. */
  abstract added(): JsonFields | undefined;
  abstract text(): string;
  abstract number(): number;
  abstract finish(): void;
  /** The copy of a text that records have in common. */
  abstract share(text: string): string;

  /** No list of the record is longer. */
  protected abstract get lengthMax(): number;
  /** Whether the next value is a number; those that are repeated are. */
  protected abstract isNumber(): boolean;
  /** Whether the next value is null, which is passed over then. */
  protected abstract isAbsent(): boolean;
  /** The list of texts that comes next, as the copy that records have in common. */
  protected abstract sharedList(): readonly string[];
  protected abstract unexpected(wanted: string): never;

  /** A text that other records repeat as well. */
  sharedText(): string {
    return this.isNumber() ? this.#textBefore() : this.#keep(this.share(this.text()));
  }

  /** A text that only this record repeats, such as the id of something that it owns. */
  repeatedText(): string {
    return this.isNumber() ? this.#textBefore() : this.#keep(this.text());
  }

  maybeRepeatedText(): string | undefined {
    return this.isAbsent() ? undefined : this.repeatedText();
  }

  sharedTexts(): readonly string[] {
    if (this.isNumber()) return this.#lists[this.number()] ?? this.unexpected("a place");
    const list = this.sharedList();
    this.#lists.push(list);
    return list;
  }

  moment(): EpochMs {
    if (!this.isNumber()) return Number(this.text());
    const moment = this.number() + (this.#origin ?? 0);
    this.#origin ??= moment;
    return moment;
  }

  maybeMoment(): EpochMs | undefined {
    return this.isAbsent() ? undefined : this.moment();
  }

  flag(): boolean {
    const value = this.number();
    if (value === 1) return true;
    return value === 0 ? false : this.unexpected("a flag");
  }

  word<Word extends string>(words: Words<Word>): Word {
    return words.wordOf(this.number());
  }

  list<T>(read: (from: RecordReader) => T): readonly T[] {
    const length = this.number();
    if (length === 0) return none;
    const isLength = Number.isInteger(length) && length > 0 && length <= this.lengthMax;
    if (!isLength) return this.unexpected("a length");
    // Arrays that grow keep room to spare, which a million records cannot afford.
    if (length === 1) return [read(this)];
    const items = new Array<T>(length);
    for (let at = 0; at < length; at++) items[at] = read(this);
    return items;
  }

  maybe<T>(read: (from: RecordReader) => T): T | undefined {
    return this.flag() ? read(this) : undefined;
  }

  #textBefore(): string {
    return this.#texts[this.number()] ?? this.unexpected("a place");
  }

  #keep(text: string): string {
    this.#texts.push(text);
    return text;
  }
}

const none: readonly never[] = [];

/** Reads records that are kept: what they have in common is held once. */
export class FlatReader extends RecordReader {
  readonly #values: readonly unknown[];
  readonly #shared: SharedStrings;
  #at = 0;

  /** Texts and lists that records share come from `shared`. */
  constructor(json: string, shared: SharedStrings) {
    super();
    this.#values = parseArray(json);
    this.#shared = shared;
  }

  override added(): JsonFields | undefined {
    const value = this.#values[this.#at];
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    this.#at++;
    return value as JsonFields;
  }

  override share(text: string): string {
    return this.#shared.text(text);
  }

  override text(): string {
    const value = this.#values[this.#at++];
    return typeof value === "string" ? value : this.unexpected("a text");
  }

  override number(): number {
    const value = this.#values[this.#at++];
    return typeof value === "number" ? value : this.unexpected("a number");
  }

  override finish(): void {
    if (this.#at !== this.#values.length) this.unexpected("the end");
  }

  protected override get lengthMax(): number {
    return this.#values.length;
  }

  protected override isNumber(): boolean {
    return typeof this.#values[this.#at] === "number";
  }

  protected override isAbsent(): boolean {
    if (this.#values[this.#at] !== null) return false;
    this.#at++;
    return true;
  }

  protected override sharedList(): readonly string[] {
    const value = this.#values[this.#at++];
    return isTextArray(value) ? this.#shared.list(value) : this.unexpected("a list of texts");
  }

  protected override unexpected(wanted: string): never {
    throw new RecordUnreadable(`${wanted} was expected as value ${this.#at}`);
  }
}

function isTextArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

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
