import { create, type DescMessage, type MessageShape, mergeFromBinary } from "@bufbuild/protobuf";

import type { Budgets } from "../../budget/budgets.ts";
import {
  type KeepAliveRequest,
  KeepAliveRequestSchema,
  type RenewRequest,
  RenewRequestSchema,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import { type NextTurn, nextTurn } from "../../service/time/next-turn.ts";
import { valueOrThrow } from "../refusal/error-mapping.ts";
import { fieldInvalid } from "./field-check.ts";
import { scanJson } from "./json-scan.ts";
import { limits } from "./limits.ts";
import type { Measured } from "./measured.ts";
import { readJson } from "./read-json.ts";
import { type ReadRenewals, readKeepAlive, readRenew } from "./read-renewals.ts";
import { scanWire } from "./wire-scan.ts";

export type MessageFormat = "binary" | "json";

/** A message of a request as it came, unpacked. */
export interface UnreadMessage {
  readonly desc: DescMessage;
  readonly bytes: Uint8Array;
  readonly format: MessageFormat;
}

/** A message that was counted, and may be read. */
export interface CountedMessage {
  /** Its fields, with those of all messages in it; in JSON its values. */
  readonly fields: number;
  /**
   * Reads it: at once when it is small, else some fields a turn.
   *
   * @param turn resolves when the next part has its turn
   */
  read(turn?: NextTurn): Promise<MessageShape<DescMessage>>;
}

const action = "read the request";

/**
 * Counts what is in the message of a request. One that is too long, has too many entries or fields,
 * or cannot be read, then or later, is thrown as the refusal FIELD_INVALID: of the fields that are
 * wrong where they are known, else of `message`.
 */
export function countMessage(message: UnreadMessage, budgets: Budgets): CountedMessage {
  const { desc, bytes, format } = message;
  if (bytes.length > budgets.limit("message_bytes")) return refuseLongMessage(budgets);
  if (format === "json") {
    const fits = fitting(scanJson(desc, bytes, budgets), desc, budgets);
    return {
      fields: fits.fields,
      async read(turn = nextTurn) {
        return valueOrThrow(await readJson(desc, bytes, fits, turn), action);
      },
    };
  }
  const read = readDirectly(desc, bytes, budgets);
  if (read !== undefined) return { fields: read.fields, read: async () => read.message };
  const { fields, ends } = fitting(scanWire(desc, bytes, budgets), desc, budgets);
  return { fields, read: (turn = nextTurn) => readBinary(desc, { bytes, ends, turn }) };
}

/**
 * Counts and reads a message in binary that is small enough for one turn; throws what {@link
 * countMessage} throws.
 */
export function readSmallMessage(
  desc: DescMessage,
  bytes: Uint8Array,
  budgets: Budgets,
): { readonly message: MessageShape<DescMessage>; readonly fields: number } {
  if (bytes.length > budgets.limit("message_bytes")) return refuseLongMessage(budgets);
  const read = readDirectly(desc, bytes, budgets);
  if (read !== undefined) return read;
  const { fields } = fitting(scanWire(desc, bytes, budgets), desc, budgets);
  const message = create(desc);
  mergePart(desc, message, bytes);
  return { message, fields };
}

/** Renewals are read in one pass, where each is as it should be. */
function readDirectly(
  desc: DescMessage,
  bytes: Uint8Array,
  budgets: Budgets,
): ReadRenewals<RenewRequest | KeepAliveRequest> | undefined {
  const isBatch = desc === KeepAliveRequestSchema;
  if (!isBatch && desc !== RenewRequestSchema) return undefined;
  const max = {
    inAll: budgets.limit("message_fields"),
    inItem: budgets.limit("item_fields"),
    items: limits.batch,
  };
  return isBatch ? readKeepAlive(bytes, max) : readRenew(bytes, max);
}

/** Throws the refusal of a message that is longer than messages may be, and counts it. */
export function refuseLongMessage(
  budgets: Budgets,
  budget: "message_bytes" | "reflection_bytes" = "message_bytes",
): never {
  budgets.refuse(budget);
  return refuseMessage(`must be at most ${budgets.limit(budget)} bytes`);
}

/** Throws FIELD_INVALID for a header of the request. */
export function refuseHeader(name: string, description: string): never {
  return valueOrThrow(fieldInvalid(name, description), action);
}

/** Throws FIELD_INVALID for a message as a whole. */
export function refuseMessage(description: string): never {
  return valueOrThrow(fieldInvalid("message", description), action);
}

function fitting<Fits extends { readonly kind: "fits" }>(
  measured: Measured<Fits>,
  desc: DescMessage,
  budgets: Budgets,
): Fits {
  if (measured.kind === "fits") return measured;
  if (measured.kind === "unreadable") return refuseUnreadable(desc);
  const { field, description, budget } = measured;
  if (budget !== undefined) budgets.refuse(budget);
  return valueOrThrow(fieldInvalid(field, description), action);
}

function refuseUnreadable(desc: DescMessage): never {
  return refuseMessage(`must be a ${desc.typeName} in protobuf's binary encoding`);
}

interface BinaryParts {
  readonly bytes: Uint8Array;
  readonly ends: readonly number[];
  readonly turn: NextTurn;
}

/** What is cut between two fields and merged again is the same message. */
async function readBinary(
  desc: DescMessage,
  { bytes, ends, turn }: BinaryParts,
): Promise<MessageShape<DescMessage>> {
  const message = create(desc);
  let start = 0;
  const readTo = (end: number): void => {
    mergePart(desc, message, bytes.subarray(start, end));
    start = end;
  };
  const [first = 0, ...rest] = ends;
  readTo(first);
  for (const end of rest) {
    await turn();
    readTo(end);
  }
  return message;
}

function mergePart(desc: DescMessage, message: MessageShape<DescMessage>, bytes: Uint8Array): void {
  try {
    mergeFromBinary(desc, message, bytes, { readUnknownFields: false });
  } catch {
    refuseUnreadable(desc);
  }
}
