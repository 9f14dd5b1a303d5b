import type { DescField, DescMessage } from "@bufbuild/protobuf";

import type { Budgets } from "../../budget/budgets.ts";
import { itemLimitOf } from "./item-limits.ts";
import {
  type Excess,
  fieldsPerTurn,
  type Measured,
  tooLargeItem,
  tooManyFields,
  tooManyItems,
} from "./measured.ts";

/** A message in binary that may be read. */
export interface WireFits {
  readonly kind: "fits";
  readonly fields: number;
  /** Where it can be cut into parts that are read in a turn each; the last one is its end. */
  readonly ends: readonly number[];
}

/** Counts the fields of a message in binary, and the entries of its lists, without reading any. */
export function scanWire(
  desc: DescMessage,
  bytes: Uint8Array,
  budgets: Budgets,
): Measured<WireFits> {
  try {
    return new WireScan(bytes, budgets).scan(desc);
  } catch (thrown) {
    if (thrown instanceof Unreadable) return { kind: "unreadable" };
    throw thrown;
  }
}

class Unreadable extends Error {}

const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;
const fixed32 = 5;

class WireScan {
  readonly #bytes: Uint8Array;
  readonly #fieldsMax: number;
  readonly #itemFieldsMax: number;
  #at = 0;
  #fields = 0;

  constructor(bytes: Uint8Array, budgets: Budgets) {
    this.#bytes = bytes;
    this.#fieldsMax = budgets.limit("message_fields");
    this.#itemFieldsMax = budgets.limit("item_fields");
  }

  scan(desc: DescMessage): Measured<WireFits> {
    const byNumber = fieldsOf(desc);
    const items = new Map<ScannedField, number>();
    const ends: number[] = [];
    let cutAt = fieldsPerTurn;
    while (this.#at < this.#bytes.length) {
      const before = this.#fields;
      if (before >= cutAt) {
        ends.push(this.#at);
        cutAt = before + fieldsPerTurn;
      }
      const field = this.#field(byNumber, this.#bytes.length);
      if (this.#fields > this.#fieldsMax) return tooManyFields(this.#fieldsMax);
      if (field === undefined) continue;
      const count = (items.get(field) ?? 0) + 1;
      items.set(field, count);
      const excess = this.#itemExcess(field, count, this.#fields - before - 1);
      if (excess !== undefined) return excess;
    }
    ends.push(this.#bytes.length);
    return { kind: "fits", fields: this.#fields, ends };
  }

  /** Passes over one field, and counts it with all that are inside of it. */
  #field(byNumber: FieldsByNumber, end: number): ScannedField | undefined {
    const tag = this.#varint(end);
    this.#fields += 1;
    const field = byNumber.get(Math.floor(tag / 8));
    switch (tag % 8) {
      case varint:
        this.#varint(end);
        break;
      case fixed64:
        this.#pass(8, end);
        break;
      case fixed32:
        this.#pass(4, end);
        break;
      case lengthDelimited:
        this.#inside(field, end);
        break;
      default:
        // Groups are no part of what we speak, and the rest of the types is not used.
        throw new Unreadable();
    }
    return field;
  }

  #inside(field: ScannedField | undefined, end: number): void {
    const length = this.#varint(end);
    const valueEnd = this.#at + length;
    if (valueEnd > end) throw new Unreadable();
    const byNumber = field?.inside();
    // What is too much is not looked at any further.
    const fieldsEnough = this.#fields + this.#itemFieldsMax;
    while (byNumber !== undefined && this.#at < valueEnd && this.#fields <= fieldsEnough) {
      this.#field(byNumber, valueEnd);
    }
    this.#at = valueEnd;
  }

  #pass(length: number, end: number): void {
    this.#at += length;
    if (this.#at > end) throw new Unreadable();
  }

  /** At most ten bytes; more than a number can hold exactly is of no use for tags and lengths. */
  #varint(end: number): number {
    // Nearly all have one byte.
    const first = this.#at < end ? (this.#bytes[this.#at] ?? 0) : 0x80;
    if (first < 0x80) {
      this.#at += 1;
      return first;
    }
    let value = 0;
    // No powers: a message may have a million such bytes, and a power takes longer than all the rest.
    let scale = 1;
    const last = Math.min(end, this.#at + 10);
    for (let at = this.#at; at < last; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) {
        this.#at = at + 1;
        return value;
      }
    }
    throw new Unreadable();
  }

  #itemExcess(
    { field, max }: ScannedField,
    count: number,
    fieldsInside: number,
  ): Excess | undefined {
    if (max !== undefined && count > max) return tooManyItems(field.name, max);
    if (fieldsInside <= this.#itemFieldsMax) return undefined;
    const path = field.fieldKind === "list" ? `${field.name}[${count - 1}]` : field.name;
    return tooLargeItem(path, this.#itemFieldsMax);
  }
}

/** What is known of a field before anything of it is read. */
interface ScannedField {
  readonly field: DescField;
  /** How many entries it may have; undefined where that is not counted here. */
  readonly max: number | undefined;
  /** The fields of the message that it holds; undefined where it holds none. */
  inside(): FieldsByNumber | undefined;
}

type FieldsByNumber = ReadonlyMap<number, ScannedField>;

/** An entry of a map has a key and a value; neither holds messages in what callers send. */
const entryFields: FieldsByNumber = new Map();

const known = new WeakMap<DescMessage, FieldsByNumber>();

/** Looked up once for each kind of message: a message may have a hundred thousand fields. */
function fieldsOf(desc: DescMessage): FieldsByNumber {
  const fields =
    known.get(desc) ?? new Map(desc.fields.map((field) => [field.number, scanned(field)]));
  known.set(desc, fields);
  return fields;
}

function scanned(field: DescField): ScannedField {
  const { message } = field;
  return {
    field,
    max: itemLimitOf(field),
    inside: () => (field.fieldKind === "map" ? entryFields : message && fieldsOf(message)),
  };
}
