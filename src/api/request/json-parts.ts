import type { DescField } from "@bufbuild/protobuf";

/** A comma between two values of the object at the top, or of a list or map in it. */
export interface JsonCut {
  /** Where the comma is. */
  readonly at: number;
  /** Closes what is open there: the text in front is an object by itself with it … */
  readonly closes: string;
  /** … and the text behind with this, which opens the same anew. */
  readonly opens: string;
  /** The list or map that is cut, where it is that of a field, … */
  readonly field: DescField | undefined;
  /** … and how many entries it has in front. */
  readonly before: number;
}

/** An object with some of the fields, and some entries of a list or map, of the whole text. */
export interface JsonPart {
  readonly text: string;
  /** Where it begins; undefined for the first. */
  readonly from: JsonCut | undefined;
}

/** About how much is read in one turn. */
export interface PartSize {
  readonly values: number;
  readonly bytes: number;
}

/** So much is read within a millisecond or two. */
export const partSize: PartSize = { values: 2_000, bytes: 32 * 1024 };

/**
 * The text in the parts that it is cut into, each made when it is asked for. Together they are JSON
 * exactly if the whole text is.
 */
export function* partsOf(bytes: Uint8Array, cuts: readonly JsonCut[]): Generator<JsonPart> {
  let from: JsonCut | undefined;
  for (const cut of [...cuts, undefined]) {
    const start = from === undefined ? 0 : from.at + 1;
    // Only a mark at the very beginning is none of the text.
    const decoder = new TextDecoder("utf-8", { ignoreBOM: from !== undefined });
    const text = decoder.decode(bytes.subarray(start, cut?.at));
    yield { text: `${from?.opens ?? ""}${text}${cut?.closes ?? ""}`, from };
    from = cut;
  }
}

const space = 0x20;
/** What is no part of a value and stands next to a comma makes the text no JSON. */
const beforeNoValue = new Set([..."]},:"].map((mark) => mark.charCodeAt(0)));
const behindNoValue = new Set([..."[{,:"].map((mark) => mark.charCodeAt(0)));

/** Whether something is in front of the comma and behind it that may be a value or a key. */
export function isBetweenValues(bytes: Uint8Array, comma: number): boolean {
  let before = comma - 1;
  while ((bytes[before] ?? 0) <= space && before >= 0) before -= 1;
  let behind = comma + 1;
  while ((bytes[behind] ?? 0) <= space && behind < bytes.length) behind += 1;
  const [last, next] = [bytes[before], bytes[behind]];
  if (last === undefined || next === undefined) return false;
  return !behindNoValue.has(last) && !beforeNoValue.has(next);
}
