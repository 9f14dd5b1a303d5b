import {
  type DescMessage,
  fromBinary,
  fromJsonString,
  type MessageShape,
} from "@bufbuild/protobuf";
import { valueOrThrow } from "../call/unary.ts";
import { done, type Result, refused } from "../refusal/result.ts";
import { fieldInvalid } from "./field-check.ts";
import { jsonFaults } from "./json-faults.ts";
import { limits } from "./limits.ts";

export type MessageFormat = "binary" | "json";

const action = "read the request";

/**
 * Reads the message of a request. What is too long, or cannot be read, is thrown as the refusal
 * FIELD_INVALID: of the fields that are wrong where they can be told, else of `message`.
 */
export function readMessage(
  desc: DescMessage,
  bytes: Uint8Array,
  format: MessageFormat,
): MessageShape<DescMessage> {
  if (bytes.length > limits.messageBytes) return refuseLongMessage();
  const read = format === "json" ? fromText : fromBytes;
  return valueOrThrow(read(desc, bytes), action);
}

export function refuseLongMessage(): never {
  return refuseMessage(`must be at most ${limits.messageBytes} bytes`);
}

/** Throws FIELD_INVALID for a message as a whole. */
export function refuseMessage(description: string): never {
  return valueOrThrow(fieldInvalid("message", description), action);
}

type Read = Result<MessageShape<DescMessage>>;

function fromBytes(desc: DescMessage, bytes: Uint8Array): Read {
  try {
    return done(fromBinary(desc, bytes));
  } catch {
    return fieldInvalid("message", `must be a ${desc.typeName} in protobuf's binary encoding`);
  }
}

function fromText(desc: DescMessage, bytes: Uint8Array): Read {
  const text = new TextDecoder().decode(bytes);
  try {
    return done(fromJsonString(desc, text, { ignoreUnknownFields: true }));
  } catch {
    return refused({ reason: "FIELD_INVALID", violations: jsonFaults(desc, text) });
  }
}
