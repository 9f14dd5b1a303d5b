import {
  create,
  type DescMessage,
  fromJsonString,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  mergeFromJson,
} from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";

import type { NextTurn } from "../../service/time/next-turn.ts";
import { done, type Result, refused } from "../refusal/result.ts";
import { type InTurns, jsonFaults } from "./json-faults.ts";
import { fieldsPerTurn } from "./measured.ts";

/** What is known of JSON that was counted, and when its parts are read. */
interface JsonCount {
  readonly fields: number;
  readonly itemFields: number;
  readonly turn: NextTurn;
}

/** Text that is parsed within a turn, whatever is in it. */
const textBytesPerTurn = 128 * 1024;

/** Reads a message in JSON, a large one in parts; between two, others get their turn. */
export async function readJson(
  desc: DescMessage,
  bytes: Uint8Array,
  { fields, itemFields, turn }: JsonCount,
): Promise<Result<MessageShape<DescMessage>>> {
  const text = new TextDecoder().decode(bytes);
  const isSmall = fields <= fieldsPerTurn && bytes.length <= textBytesPerTurn;
  const itemsPerTurn = Math.max(1, Math.floor(fieldsPerTurn / Math.max(1, itemFields)));
  try {
    if (isSmall) return done(fromJsonString(desc, text, lenient));
    return done(await readParts(desc, text, { itemsPerTurn, turn }));
  } catch {
    const violations = await jsonFaults(desc, text, { itemsPerTurn, turn });
    return refused({ reason: "FIELD_INVALID", violations });
  }
}

const lenient = { ignoreUnknownFields: true };

async function readParts(
  desc: DescMessage,
  text: string,
  { itemsPerTurn, turn }: InTurns,
): Promise<MessageShape<DescMessage>> {
  await turn();
  // Looks whether any key stands twice, and makes nothing.
  fromJsonString(EmptySchema, text, lenient);
  await turn();
  const json = fieldsIn(desc, JSON.parse(text) as JsonObject);
  const message = create(desc);
  for (const part of partsOf(json, itemsPerTurn)) {
    await turn();
    mergeFromJson(desc, message, part, lenient);
  }
  return message;
}

/** What is not a field is read by nobody, and may be much. */
function fieldsIn(desc: DescMessage, json: JsonObject): JsonObject {
  const names = new Set(desc.fields.flatMap(({ jsonName, name }) => [jsonName, name]));
  const set = [...names].filter((name) => Object.hasOwn(json, name));
  return Object.fromEntries(set.map((name) => [name, json[name] ?? null]));
}

/** The object in parts, in which each list and map has only so many entries. */
function partsOf(json: JsonObject, itemsPerPart: number): readonly JsonObject[] {
  const sliced = Object.entries(json).map(
    ([key, value]) => [key, slicesOf(value, itemsPerPart)] as const,
  );
  const first = Object.fromEntries(sliced.map(([key, [head = null]]) => [key, head]));
  const rest = sliced.flatMap(([key, [, ...slices]]) => slices.map((slice) => ({ [key]: slice })));
  return [first, ...rest];
}

function slicesOf(value: JsonValue, size: number): readonly JsonValue[] {
  if (typeof value !== "object" || value === null) return [value];
  if (Array.isArray(value)) return cut(value, size);
  return cut(Object.entries(value), size).map((slice) => Object.fromEntries(slice));
}

/** In slices of a size; at least one, which may be empty. */
function cut<T>(items: readonly T[], size: number): T[][] {
  const count = Math.max(1, Math.ceil(items.length / size));
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}
