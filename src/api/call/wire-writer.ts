const varint = 0;
const lengthDelimited = 2;

/** The longest value that a length of one byte can stand in front of. */
const shortMax = 0x7f;
/** A text of UTF-8 has at most so many bytes for each unit of its length. */
const utf8BytesMax = 3;
/** No field of a fixed size is longer, with its tag: two varints of 64 bits. */
const fieldBytesMax = 24;

/**
 * Writes messages in protobuf's binary encoding into a buffer that grows. Whoever writes a field
 * says that it is there; only durations and moments leave zeros out by themselves.
 */
export class WireWriter {
  #bytes: Buffer;
  #at = 0;

  /** @param size about how long a message will be */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  /** What was written since the writer was made or restarted; it changes with the next message. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Begins another message in place of the last one. */
  restart(): void {
    this.#at = 0;
  }

  text(field: number, text: string): void {
    const most = utf8BytesMax * text.length;
    this.#reserve(fieldBytesMax + most);
    this.#tag(field, lengthDelimited);
    const lengthBytes = most <= shortMax ? 1 : varintBytes(Buffer.byteLength(text));
    const written = this.#bytes.write(text, this.#at + lengthBytes);
    this.#varint(written);
    this.#at += written;
  }

  /** A text of ASCII characters. */
  ascii(field: number, text: string): void {
    this.#reserve(fieldBytesMax + text.length);
    this.#tag(field, lengthDelimited);
    this.#varint(text.length);
    this.#at += this.#bytes.write(text, this.#at, "latin1");
  }

  /** A whole number, an enum or a flag; one that is negative is written in 64 bits. */
  number(field: number, value: number | bigint | boolean): void {
    this.#reserve(fieldBytesMax);
    this.#tag(field, varint);
    const number = Number(value);
    if (number >= 0 && number <= Number.MAX_SAFE_INTEGER) this.#varint(number);
    else this.#large(BigInt.asUintN(64, BigInt(value)));
  }

  /** A google.protobuf.Timestamp or Duration of so many whole milliseconds, not negative. */
  milliseconds(field: number, whole: number): void {
    const start = this.begin(field);
    const seconds = Math.floor(whole / 1000);
    const nanos = (whole - seconds * 1000) * 1_000_000;
    if (seconds > 0) this.number(1, seconds);
    if (nanos > 0) this.number(2, nanos);
    this.end(start);
  }

  /** A message that was written elsewhere. */
  encoded(field: number, bytes: Uint8Array): void {
    this.#reserve(fieldBytesMax + bytes.length);
    this.#tag(field, lengthDelimited);
    this.#varint(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /**
   * Begins a message that is the value of a field.
   *
   * @returns what {@link end} takes when its fields have been written
   */
  begin(field: number): number {
    this.#reserve(fieldBytesMax);
    this.#tag(field, lengthDelimited);
    // Most lengths take one byte.
    this.#at += 1;
    return this.#at;
  }

  end(start: number): void {
    const length = this.#at - start;
    if (length <= shortMax) {
      this.#bytes[start - 1] = length;
      return;
    }
    const more = varintBytes(length) - 1;
    this.#reserve(more);
    this.#bytes.copyWithin(start + more, start, this.#at);
    const end = this.#at + more;
    this.#at = start - 1;
    this.#varint(length);
    this.#at = end;
  }

  #tag(field: number, type: number): void {
    this.#varint(field * 8 + type);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0xffffffff; rest = Math.floor(rest / 128)) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
    }
    for (rest >>>= 0; rest > 0x7f; rest >>>= 7) this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  #large(value: bigint): void {
    let rest = value;
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(rest);
  }

  #reserve(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * needed);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
