import type { DescField, DescMessage } from "@bufbuild/protobuf";

import type { Budgets } from "../../budget/budgets.ts";
import { itemLimitOf } from "./item-limits.ts";
import {
  type Excess,
  type Measured,
  tooLargeItem,
  tooManyFields,
  tooManyItems,
} from "./measured.ts";

/** Text that JSON.parse may have. */
export interface JsonFits {
  readonly kind: "fits";
  /** Its values, at most. */
  readonly fields: number;
  /** Values in the largest entry of any list or map at the top. */
  readonly itemFields: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const openBracket = 0x5b;
const closeBrace = 0x7d;
const closeBracket = 0x5d;
const space = 0x20;

/**
 * Counts the values of a message in JSON, and the entries of its lists, without making any. It does
 * not look whether the text is JSON: reading it does, once that can cost no more than this allows.
 */
export function scanJson(
  desc: DescMessage,
  bytes: Uint8Array,
  budgets: Budgets,
): Measured<JsonFits> {
  return new JsonScan(desc, bytes, budgets).scan();
}

class JsonScan {
  readonly #desc: DescMessage;
  readonly #bytes: Uint8Array;
  readonly #fieldsMax: number;
  readonly #itemFieldsMax: number;
  readonly #levelsMax: number;
  readonly #textBytesMax: number;
  #at = 0;
  #level = 0;
  #fields = 0;
  /** The text that was read last, at the top: it is a key if a colon follows. */
  #text: readonly [start: number, end: number] = [0, 0];
  #field: DescField | undefined;
  /** How many entries that field may have. */
  #itemsMax = Number.POSITIVE_INFINITY;
  /** Fields that the message itself sets. */
  #names = 0;
  /** Entries of the field that is being passed over, and the values before its last entry. */
  readonly #items = new Map<DescField, number>();
  #itemBegan = 0;
  #itemFields = 0;

  constructor(desc: DescMessage, bytes: Uint8Array, budgets: Budgets) {
    this.#desc = desc;
    this.#bytes = bytes;
    this.#fieldsMax = budgets.limit("message_fields");
    this.#itemFieldsMax = budgets.limit("item_fields");
    this.#levelsMax = budgets.limit("json_levels");
    this.#textBytesMax = budgets.limit("json_text_bytes");
  }

  scan(): Measured<JsonFits> {
    while (this.#at < this.#bytes.length) {
      const excess = this.#step();
      if (excess !== undefined) return excess;
    }
    return { kind: "fits", fields: this.#fields, itemFields: this.#itemFields };
  }

  #step(): Excess | undefined {
    const byte = this.#bytes[this.#at] ?? space;
    switch (byte) {
      case quote:
        return this.#passText();
      case openBrace:
      case openBracket:
        return this.#open();
      case closeBrace:
      case closeBracket:
        return this.#close();
      case comma:
        return this.#next();
      case colon:
        this.#at += 1;
        return this.#level === 1 ? this.#name() : undefined;
      default:
        return byte <= space ? this.#passSpace() : this.#passWord();
    }
  }

  #open(): Excess | undefined {
    this.#at += 1;
    this.#level += 1;
    if (this.#level > this.#levelsMax) return tooDeep(this.#levelsMax);
    if (this.#level === 2) this.#itemBegan = this.#fields;
    return this.#count();
  }

  #close(): Excess | undefined {
    this.#at += 1;
    const excess = this.#level === 2 ? this.#endItem() : undefined;
    this.#level -= 1;
    return excess;
  }

  #next(): Excess | undefined {
    this.#at += 1;
    const excess = this.#level === 2 ? this.#endItem() : undefined;
    return excess ?? this.#count();
  }

  #count(): Excess | undefined {
    this.#fields += 1;
    if (this.#fields > this.#fieldsMax) return tooManyFields(this.#fieldsMax);
    const isLarge = this.#level > 2 && this.#fields - this.#itemBegan > this.#itemFieldsMax;
    return isLarge ? this.#largeItem() : undefined;
  }

  /** An entry ends with a comma or with its list. An empty list has one by this; that is no harm. */
  #endItem(): Excess | undefined {
    this.#itemFields = Math.max(this.#itemFields, this.#fields - this.#itemBegan);
    this.#itemBegan = this.#fields;
    const field = this.#field;
    if (field === undefined) return undefined;
    const count = (this.#items.get(field) ?? 0) + 1;
    this.#items.set(field, count);
    return count > this.#itemsMax ? tooManyItems(field.name, this.#itemsMax) : undefined;
  }

  #largeItem(): Excess {
    const field = this.#field;
    if (field?.fieldKind !== "list")
      return tooLargeItem(field?.name ?? "message", this.#itemFieldsMax);
    return tooLargeItem(`${field.name}[${this.#items.get(field) ?? 0}]`, this.#itemFieldsMax);
  }

  #passText(): Excess | undefined {
    const start = this.#at;
    const enough = this.#enoughFrom(start);
    let at = start + 1;
    while (at < enough && this.#bytes[at] !== quote) {
      at += this.#bytes[at] === backslash ? 2 : 1;
    }
    this.#at = at + 1;
    if (this.#level === 1) this.#text = [start, this.#at];
    return this.#longText(start);
  }

  #passWord(): Excess | undefined {
    const start = this.#at;
    const enough = this.#enoughFrom(start);
    let at = start;
    while (at < enough && !endsWord(this.#bytes[at] ?? space)) at += 1;
    this.#at = at;
    return this.#longText(start);
  }

  /** Where the message ends, or the first byte past the longest text and its quotes. */
  #enoughFrom(start: number): number {
    return Math.min(this.#bytes.length, start + this.#textBytesMax + 3);
  }

  #longText(start: number): Excess | undefined {
    if (this.#at - start <= this.#textBytesMax + 2) return undefined;
    const description = `must have no text above ${this.#textBytesMax} bytes`;
    const field = this.#field?.name ?? "message";
    return { kind: "excess", field, description, budget: "json_text_bytes" };
  }

  #passSpace(): undefined {
    while (this.#at < this.#bytes.length && (this.#bytes[this.#at] ?? 0) <= space) this.#at += 1;
  }

  /** No message has as many fields, whatever version of it a caller knows. */
  #name(): Excess | undefined {
    this.#names += 1;
    if (this.#names > this.#itemFieldsMax) return tooManyNames(this.#itemFieldsMax);
    this.#field = this.#named();
    this.#itemsMax = (this.#field && itemLimitOf(this.#field)) ?? Number.POSITIVE_INFINITY;
    return undefined;
  }

  #named(): DescField | undefined {
    const name = parsedText(this.#bytes.subarray(...this.#text));
    return this.#desc.fields.find((field) => field.jsonName === name || field.name === name);
  }
}

function tooDeep(max: number): Excess {
  const description = `must have at most ${max} levels`;
  return { kind: "excess", field: "message", description, budget: "json_levels" };
}

function tooManyNames(max: number): Excess {
  const description = `must set at most ${max} fields`;
  return { kind: "excess", field: "message", description, budget: "item_fields" };
}

function endsWord(byte: number): boolean {
  return (
    byte <= space ||
    byte === comma ||
    byte === colon ||
    byte === quote ||
    byte === closeBrace ||
    byte === closeBracket ||
    byte === openBrace ||
    byte === openBracket
  );
}

/** A key may be written with escapes. */
function parsedText(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
