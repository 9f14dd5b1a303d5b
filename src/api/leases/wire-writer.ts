const varint = 0;
const lengthDelimited = 2;

/** The longest value that a length of one byte can stand in front of. */
const shortMax = 0x7f;
/** No field of a fixed size is longer, with its tag. */
const fieldBytesMax = 24;

/**
 * Writes a message in protobuf's binary encoding into a buffer that grows. Field numbers are below
 * 16, so that each tag is one byte. Zero is left out, as everywhere in proto3.
 */
export class WireWriter {
  #bytes: Buffer;
  #at = 0;

  /** @param size about how long the message will be */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  /** What was written; nothing is written after it. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A text of ASCII characters. */
  ascii(field: number, text: string): void {
    if (text === "") return;
    this.#reserve(fieldBytesMax + text.length);
    this.#tag(field, lengthDelimited);
    this.#varint(text.length);
    this.#at += this.#bytes.write(text, this.#at, "latin1");
  }

  /** A whole number that is not negative: a count, an enum or a flag. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.#reserve(fieldBytesMax);
    this.#tag(field, varint);
    this.#varint(value);
  }

  /** A google.protobuf.Timestamp or Duration of so many whole milliseconds, not negative. */
  milliseconds(field: number, whole: number): void {
    this.#reserve(fieldBytesMax);
    this.#tag(field, lengthDelimited);
    const lengthAt = this.#at++;
    const seconds = Math.floor(whole / 1000);
    this.number(1, seconds);
    this.number(2, (whole - seconds * 1000) * 1_000_000);
    this.#bytes[lengthAt] = this.#at - lengthAt - 1;
  }

  /** A message that is written here. */
  message(field: number, write: (out: WireWriter) => void): void {
    this.#reserve(fieldBytesMax);
    this.#tag(field, lengthDelimited);
    const lengthAt = this.#at++;
    write(this);
    this.#length(lengthAt);
  }

  /** A message that was written elsewhere. */
  encoded(field: number, bytes: Uint8Array): void {
    this.#reserve(fieldBytesMax + bytes.length);
    this.#tag(field, lengthDelimited);
    this.#varint(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Most lengths take the one byte that was left for them. */
  #length(at: number): void {
    const from = at + 1;
    const length = this.#at - from;
    if (length > shortMax) {
      const more = length < 128 * 128 ? 1 : 4;
      this.#reserve(more);
      this.#bytes.copyWithin(from + more, from, this.#at);
    }
    const end = this.#at;
    this.#at = at;
    this.#varint(length);
    this.#at += end - from;
  }

  #tag(field: number, type: number): void {
    this.#bytes[this.#at++] = field * 8 + type;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0xffffffff; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
    }
    for (rest >>>= 0; rest > 0x7f; rest >>>= 7) this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  #reserve(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * needed);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
