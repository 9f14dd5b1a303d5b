import { RecordReader } from "./flat-reader.ts";
import { type JsonFields, RecordUnreadable } from "./flat-record.ts";

const [quote, comma, minus, zero, nine] = [0x22, 0x2c, 0x2d, 0x30, 0x39] as const;
const [openList, backslash, closeList, openFields, closeFields] = [
  0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
] as const;
/** Below it are control characters, which stand in no text of JSON. */
const space = 0x20;
/** More digits may not be exact. */
const digitsMax = 15;

/** Where the characters of the record at hand are: one is scanned at a time. */
const bytes = Buffer.alloc(16_384);
/** What does not fit is cut between two characters, which leaves at most 3 bytes of room. */
const lengthMax = bytes.length - 4;

/**
 * Reads a record that is only looked at, in half the time: nothing is made of it but what is asked
 * for. Each text keeps the whole record in memory for as long as it is used itself.
 *
 * It is for nearly all records, which are in ASCII, short, and without escapes, white space or
 * fractions. Any other is unreadable here, whether it is sound or not.
 */
export class FlatScan extends RecordReader {
  readonly #json: string;
  /** At what stands in front of the next value. */
  #at = 0;

  constructor(json: string) {
    super();
    this.#json = json;
    // In ASCII, each character is one byte, so that places are the same in both.
    if (json.length > lengthMax || bytes.write(json) !== json.length) this.unexpected();
    if (bytes[0] !== openList) this.unexpected();
  }

  override added(): JsonFields | undefined {
    const from = this.#next();
    if (bytes[from] !== openFields) return undefined;
    let depth = 1;
    let at = from + 1;
    for (; depth > 0; at += 1) {
      const byte = bytes[at];
      if (byte === quote) at = this.#endOfText(at);
      else if (byte === openFields) depth += 1;
      else if (byte === closeFields) depth -= 1;
      else if (at >= this.#json.length) this.unexpected();
    }
    this.#at = at;
    return this.#parse(from, at);
  }

  override text(): string {
    const from = this.#next();
    if (bytes[from] !== quote) this.unexpected();
    const end = this.#endOfText(from);
    this.#at = end + 1;
    return this.#json.slice(from + 1, end);
  }

  override number(): number {
    const first = this.#next();
    const isNegative = bytes[first] === minus;
    const from = isNegative ? first + 1 : first;
    let value = 0;
    let at = from;
    for (let byte = bytes[at] as number; byte >= zero && byte <= nine; byte = bytes[at] as number) {
      value = value * 10 + (byte - zero);
      at += 1;
    }
    const digits = at - from;
    if (digits === 0 || digits > digitsMax) this.unexpected();
    if (digits > 1 && bytes[from] === zero) this.unexpected();
    this.#at = at;
    return isNegative ? -value : value;
  }

  override finish(): void {
    if (this.#at !== this.#json.length - 1 || bytes[this.#at] !== closeList) this.unexpected();
  }

  override share(text: string): string {
    return text;
  }

  protected override get lengthMax(): number {
    return this.#json.length;
  }

  protected override isNumber(): boolean {
    const byte = bytes[this.#at + 1] as number;
    return (byte >= zero && byte <= nine) || byte === minus;
  }

  protected override isAbsent(): boolean {
    const from = this.#next();
    if (!this.#json.startsWith("null", from)) return false;
    this.#at = from + 4;
    return true;
  }

  protected override sharedList(): readonly string[] {
    const from = this.#next();
    if (bytes[from] !== openList) this.unexpected();
    const texts: string[] = [];
    let at = from + 1;
    if (bytes[at] === closeList) {
      this.#at = at + 1;
      return texts;
    }
    for (;;) {
      if (bytes[at] !== quote) this.unexpected();
      const end = this.#endOfText(at);
      texts.push(this.#json.slice(at + 1, end));
      at = end + 2;
      if (bytes[end + 1] === comma) continue;
      if (bytes[end + 1] !== closeList) this.unexpected();
      this.#at = at;
      return texts;
    }
  }

  /** Made once: most of them only say that the record has to be read otherwise. */
  protected override unexpected(): never {
    throw unusual;
  }

  /** Where the next value begins. */
  #next(): number {
    if (bytes[this.#at] !== comma && this.#at !== 0) this.unexpected();
    return this.#at + 1;
  }

  /** Where the quote is that ends the text which begins with the one at `from`. */
  #endOfText(from: number): number {
    let at = from + 1;
    for (let byte = bytes[at] as number; byte !== quote; byte = bytes[at] as number) {
      // Beyond the last there is nothing, which is not above anything either.
      if (!(byte >= space) || byte === backslash) this.unexpected();
      at += 1;
    }
    return at;
  }

  #parse(from: number, to: number): JsonFields {
    try {
      return JSON.parse(this.#json.slice(from, to));
    } catch {
      this.unexpected();
    }
  }
}

const unusual = new RecordUnreadable("it is no usual record");
