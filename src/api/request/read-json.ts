import {
  create,
  type DescMessage,
  fromJsonString,
  type MessageShape,
  mergeFromJsonString,
} from "@bufbuild/protobuf";

import type { NextTurn } from "../../service/time/next-turn.ts";
import { done, type Result, refused } from "../refusal/result.ts";
import { jsonFaults } from "./json-faults.ts";
import { type JsonPart, partsOf } from "./json-parts.ts";
import type { JsonFits } from "./json-scan.ts";

/** Reads a message in JSON, a large one in parts; between two, others get their turn. */
export async function readJson(
  desc: DescMessage,
  bytes: Uint8Array,
  fits: JsonFits,
  turn: NextTurn,
): Promise<Result<MessageShape<DescMessage>>> {
  const { cuts } = fits;
  try {
    if (cuts.length > 0) return done(await readParts(desc, partsOf(bytes, cuts), fits, turn));
    return done(fromJsonString(desc, new TextDecoder().decode(bytes), lenient));
  } catch {
    const violations = await jsonFaults(desc, partsOf(bytes, cuts), turn);
    return refused({ reason: "FIELD_INVALID", violations });
  }
}

const lenient = { ignoreUnknownFields: true };

async function readParts(
  desc: DescMessage,
  parts: Iterable<JsonPart>,
  { cuts, items, isTwiceNamed }: JsonFits,
  turn: NextTurn,
): Promise<MessageShape<DescMessage>> {
  if (isTwiceNamed) throw new SetTwice();
  const message = create(desc);
  for (const { text } of parts) {
    await turn();
    mergeFromJsonString(desc, message, text, lenient);
  }
  // A key that comes in two parts is merged into one.
  for (const field of new Set(cuts.map(({ field }) => field))) {
    if (field?.fieldKind !== "map") continue;
    const entries = (message as unknown as Record<string, object>)[field.localName] ?? {};
    if (Object.keys(entries).length !== items.get(field)) throw new SetTwice();
  }
  return message;
}

class SetTwice extends Error {}
