import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

import { EncodedAnswer } from "../../api/call/encoded-answer.ts";
import { enveloped } from "../intake/envelopes.ts";

/** A message as handlers answer it: an object in which fields may be missing. */
type Fields = Readonly<Record<string, unknown>>;
type Write = (message: Fields) => void;
type WriteValue = (value: unknown) => void;

/**
 * Encodes answers in binary, each in its envelope. Protobuf-es would make a message of the plain
 * object first, and then two arrays of bytes: for the short answers of this service three times the
 * work. What it writes is the same, byte for byte.
 */
export function answerEncoder(desc: DescMessage): (answer: unknown) => Buffer {
  const write = writerOf(desc);
  return (answer) => {
    if (answer instanceof EncodedAnswer) return enveloped(answer.toBinary());
    at = 0;
    write(answer as Fields);
    return enveloped(bytes.subarray(0, at));
  };
}

/** What is being written: one answer at a time, from its first byte to its last. */
let bytes = Buffer.allocUnsafeSlow(64 * 1024);
let at = 0;

const writers = new Map<DescMessage, Write>();

function writerOf(desc: DescMessage): Write {
  const known = writers.get(desc);
  if (known !== undefined) return known;
  const fields: Write[] = [];
  const write: Write = (message) => {
    for (const field of fields) field(message);
  };
  // Known before its fields are, since a message may have itself inside.
  writers.set(desc, write);
  const inOrder = desc.fields.toSorted((one, other) => one.number - other.number);
  fields.push(...inOrder.map(fieldWriter));
  return write;
}

function fieldWriter(field: DescField): Write {
  const { localName, fieldKind, oneof } = field;
  if (fieldKind === "list") {
    const write = valueWriter(field);
    return ({ [localName]: list }) => {
      for (const value of (list as readonly unknown[] | undefined) ?? []) write(value);
    };
  }
  const write = valueWriter(field);
  if (oneof !== undefined) {
    return ({ [oneof.localName]: chosen }) => {
      const { case: name, value } = (chosen ?? {}) as { case?: string; value?: unknown };
      if (name === localName) write(value);
    };
  }
  const isExplicit =
    fieldKind === "message" || field.presence !== FeatureSet_FieldPresence.IMPLICIT;
  return ({ [localName]: value }) => {
    if (value !== undefined && (isExplicit || !isZero(value))) write(value);
  };
}

function isZero(value: unknown): boolean {
  return value === "" || value === 0 || value === 0n || value === false;
}

function valueWriter(field: DescField): WriteValue {
  const { number } = field;
  if (field.message !== undefined && field.fieldKind !== "map") {
    return nestedWriter(tagOf(number, WireType.LengthDelimited), writerOf(field.message));
  }
  if (field.enum !== undefined && field.fieldKind === "enum") {
    return varintWriter(tagOf(number, WireType.Varint));
  }
  switch (field.fieldKind === "map" ? undefined : field.scalar) {
    case ScalarType.STRING:
      return textWriter(tagOf(number, WireType.LengthDelimited));
    case ScalarType.BOOL:
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.INT64:
    case ScalarType.UINT64:
      if (field.fieldKind === "scalar") return varintWriter(tagOf(number, WireType.Varint));
  }
  throw new Error(`${field}: no answer has a field of its kind so far`);
}

function tagOf(number: number, type: WireType): number {
  return number * 8 + type;
}

function nestedWriter(tag: number, write: Write): WriteValue {
  return (value) => {
    makeRoom();
    writeVarint(tag);
    // Most lengths take one byte.
    at += 1;
    const start = at;
    write(value as Fields);
    const length = at - start;
    if (length > 127) {
      makeRoom();
      const more = lengthBytes(length) - 1;
      bytes.copyWithin(start + more, start, at);
      at += more;
    }
    const end = at;
    at = start - 1;
    writeVarint(length);
    at = end;
  };
}

function textWriter(tag: number): WriteValue {
  return (value) => {
    const text = value as string;
    const length = Buffer.byteLength(text);
    makeRoom(length);
    writeVarint(tag);
    writeVarint(length);
    at += bytes.write(text, at);
  };
}

function varintWriter(tag: number): WriteValue {
  return (value) => {
    makeRoom();
    writeVarint(tag);
    const number = Number(value);
    if (number >= 0 && number <= Number.MAX_SAFE_INTEGER) writeVarint(number);
    else writeLarge(BigInt.asUintN(64, BigInt(value as bigint | number)));
  };
}

/** Two varints of 64 bits, which is more than tag and number or length ever take. */
const numbersBytes = 20;

/** Makes room for a tag, a number and so much text. */
function makeRoom(text = 0): void {
  const needed = at + text + numbersBytes;
  if (needed <= bytes.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, bytes.length * 2));
  larger.set(bytes);
  bytes = larger;
}

function lengthBytes(length: number): number {
  return length < 2 ** 14 ? 2 : length < 2 ** 21 ? 3 : length < 2 ** 28 ? 4 : 5;
}

function writeVarint(number: number): void {
  let left = number;
  while (left > 127) {
    bytes[at] = (left % 128) + 128;
    at += 1;
    left = Math.floor(left / 128);
  }
  bytes[at] = left;
  at += 1;
}

function writeLarge(number: bigint): void {
  let left = number;
  while (left > 127n) {
    bytes[at] = Number(left % 128n) + 128;
    at += 1;
    left /= 128n;
  }
  bytes[at] = Number(left);
  at += 1;
}
