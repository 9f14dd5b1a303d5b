import type { DescField, DescMessage } from "@bufbuild/protobuf";

import type { Budgets } from "../../budget/budgets.ts";
import { itemLimitOf } from "./item-limits.ts";
import { isBetweenValues, type JsonCut, type PartSize, partSize } from "./json-parts.ts";
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
  /** Where it is cut into parts that are read in a turn each; none in a short one. */
  readonly cuts: readonly JsonCut[];
  /** Entries of each list or map at the top, at most. */
  readonly items: ReadonlyMap<DescField, number>;
  /** Some name stands twice at the top. */
  readonly isTwiceNamed: boolean;
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
  part: PartSize = partSize,
): Measured<JsonFits> {
  return new JsonScan(desc, bytes, budgets, part).scan();
}

class JsonScan {
  readonly #desc: DescMessage;
  readonly #bytes: Uint8Array;
  readonly #part: PartSize;
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
  /** Fields that the message itself sets, each under one name, and how often one was named. */
  readonly #named = new Set<unknown>();
  #names = 0;
  /** Entries of the field that is being passed over, and the values before its last entry. */
  readonly #items = new Map<DescField, number>();
  #itemBegan = 0;
  /** What the value at the top opens with, and the list or object in it. */
  readonly #opened: [top: number, inside: number] = [space, space];
  readonly #cuts: JsonCut[] = [];
  /** Where the part begins that is being passed over, and the values before it. */
  #partAt = 0;
  #partFields = 0;

  constructor(desc: DescMessage, bytes: Uint8Array, budgets: Budgets, part: PartSize) {
    this.#desc = desc;
    this.#bytes = bytes;
    this.#part = part;
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
    return {
      kind: "fits",
      fields: this.#fields,
      cuts: this.#cuts,
      items: this.#items,
      isTwiceNamed: this.#named.size < this.#names,
    };
  }

  #step(): Excess | undefined {
    const byte = this.#bytes[this.#at] ?? space;
    switch (byte) {
      case quote:
        return this.#passText();
      case openBrace:
      case openBracket:
        return this.#open(byte);
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

  #open(bracket: number): Excess | undefined {
    this.#at += 1;
    this.#level += 1;
    if (this.#level > this.#levelsMax) return tooDeep(this.#levelsMax);
    if (this.#level === 1) this.#opened[0] = bracket;
    if (this.#level === 2) {
      this.#opened[1] = bracket;
      this.#itemBegan = this.#fields;
    }
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
    if (excess !== undefined) return excess;
    const { values, bytes } = this.#part;
    const isLong = this.#fields - this.#partFields >= values || this.#at - this.#partAt >= bytes;
    if (isLong) this.#cut(this.#at - 1);
    return this.#count();
  }

  /** Cuts the text at the comma, where it may be. */
  #cut(comma: number): void {
    const [top, inside] = this.#opened;
    const mayBe = top === openBrace && (this.#level === 1 || this.#level === 2);
    if (!mayBe || !isBetweenValues(this.#bytes, comma)) return;
    this.#partAt = this.#at;
    this.#partFields = this.#fields;
    if (this.#level === 1) {
      this.#cuts.push({ at: comma, closes: "}", opens: "{", field: undefined, before: 0 });
      return;
    }
    const name = new TextDecoder().decode(this.#bytes.subarray(...this.#text));
    const [opens, closes] = inside === openBrace ? ["{", "}"] : ["[", "]"];
    const field = this.#field;
    const before = (field && this.#items.get(field)) ?? 0;
    this.#cuts.push({ at: comma, closes: `${closes}}`, opens: `{${name}:${opens}`, field, before });
  }

  #count(): Excess | undefined {
    this.#fields += 1;
    if (this.#fields > this.#fieldsMax) return tooManyFields(this.#fieldsMax);
    const isLarge = this.#level > 2 && this.#fields - this.#itemBegan > this.#itemFieldsMax;
    return isLarge ? this.#largeItem() : undefined;
  }

  /** An entry ends with a comma or with its list. An empty list has one by this; that is no harm. */
  #endItem(): Excess | undefined {
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
    const name = parsedText(this.#bytes.subarray(...this.#text));
    this.#field = this.#desc.fields.find((field) => field.jsonName === name || field.name === name);
    this.#named.add(this.#field ?? name);
    this.#itemsMax = (this.#field && itemLimitOf(this.#field)) ?? Number.POSITIVE_INFINITY;
    return undefined;
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
