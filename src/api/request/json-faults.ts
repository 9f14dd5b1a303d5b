import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";

import type { FieldViolation } from "../../core/refusal.ts";
import type { NextTurn } from "../../service/time/next-turn.ts";
import type { JsonPart } from "./json-parts.ts";
import { entryPath } from "./parse-values.ts";

/**
 * What is wrong with JSON that a message cannot be read from: every field that cannot be read by
 * itself, and of a list or map the first such item. The decoder stops at the first fault and rarely
 * says where it is. None of the text is repeated: it may hold a secret.
 */
export async function jsonFaults(
  desc: DescMessage,
  parts: Iterable<JsonPart>,
  turn: NextTurn,
): Promise<readonly FieldViolation[]> {
  const faults = new Map<DescField, readonly FieldViolation[]>();
  for (const { text, from } of parts) {
    if (from !== undefined) await turn();
    const json = parsed(text);
    if (json === undefined) return [{ field: "message", description: "must be JSON" }];
    if (!isObject(json)) return [{ field: "message", description: "must be a JSON object" }];
    for (const field of desc.fields) {
      const value = setIn(json, field);
      if (value === undefined || faults.has(field) || isReadable(field, value)) continue;
      const before = from?.field === field ? from.before : 0;
      faults.set(field, fieldFaults(field, { value, before }, field.name));
    }
  }
  if (faults.size > 0) return desc.fields.flatMap((field) => faults.get(field) ?? []);
  return [{ field: "message", description: "must be JSON that sets each field once" }];
}

function parsed(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function setIn(json: JsonObject, field: DescField): JsonValue | undefined {
  return json[field.jsonName] ?? json[field.name];
}

/** A field's value, or the part of it that cannot be read. */
interface Unread {
  readonly value: JsonValue;
  /** Items of the list in front of it. */
  readonly before: number;
}

/** @param path put before each field's name, such as `reports[3].` */
function messageFaults(desc: DescMessage, json: JsonObject, path: string): FieldViolation[] {
  return desc.fields.flatMap((field) => {
    const value = setIn(json, field);
    if (value === undefined || isReadable(field, value)) return [];
    return fieldFaults(field, { value, before: 0 }, path + field.name);
  });
}

function fieldFaults(field: DescField, { value, before }: Unread, path: string): FieldViolation[] {
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) return [{ field: path, description: "must be a JSON array" }];
    const index = value.findIndex((item) => !isReadable(field, [item]));
    return itemFaults(field, value[index] ?? null, `${path}[${before + index}]`);
  }
  if (field.fieldKind === "map") {
    if (!isObject(value)) return [{ field: path, description: "must be a JSON object" }];
    const [key = "", entry = null] =
      Object.entries(value).find(([name, entry]) => !isReadable(field, { [name]: entry })) ?? [];
    return itemFaults(field, entry, entryPath(path, key));
  }
  return itemFaults(field, value, path);
}

/** Of one value: that of a field, of a list's item or of a map's entry. */
function itemFaults(field: DescField, value: JsonValue, path: string): FieldViolation[] {
  const { message } = field;
  const hasFields = message !== undefined && !message.typeName.startsWith("google.protobuf.");
  return hasFields && isObject(value)
    ? messageFaults(message, value, `${path}.`)
    : [{ field: path, description: `must be ${typeInWords(field)}` }];
}

function isReadable(field: DescField, value: JsonValue): boolean {
  try {
    fromJson(field.parent, { [field.jsonName]: value }, { ignoreUnknownFields: true });
    return true;
  } catch {
    return false;
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeInWords({ message, enum: named, scalar }: DescField): string {
  if (message?.typeName === "google.protobuf.Duration") return 'a duration, such as "30s"';
  if (message !== undefined) return "a JSON object";
  if (named !== undefined) return `a ${named.name}`;
  return `of type ${ScalarType[scalar ?? ScalarType.STRING].toLowerCase()}`;
}
