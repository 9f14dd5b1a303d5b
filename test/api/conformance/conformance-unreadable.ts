import type { DescField, DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { expect, test } from "vitest";

import { ControllerLease } from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { refusalOf } from "../expect-refusal.ts";
import { aim } from "./conformance-bad-input.ts";
import type { ConformanceOptions, ConformanceSubject, RawMessage } from "./conformance-subject.ts";

type UnreadableCase = readonly [what: string, sent: RawMessage, fields: readonly string[]];

const tooLong = 1024 * 1024 + 1;

/** Messages that no rpc can read, whatever it is for. */
const everyRpc: readonly UnreadableCase[] = [
  [
    "bytes that are no protobuf",
    { format: "binary", bytes: Uint8Array.of(0x0a, 0xff) },
    ["message"],
  ],
  ["too many bytes of protobuf", { format: "binary", bytes: unknownField(tooLong) }, ["message"]],
  ["broken JSON", json('{"sessionId":'), ["message"]],
  ["JSON that is a list", json("[]"), ["message"]],
  ["nothing where JSON should be", json(""), ["message"]],
  ["too many bytes of JSON", json(`{}${" ".repeat(tooLong - 2)}`), ["message"]],
];

export function unreadableCases(
  subject: () => ConformanceSubject,
  { formats, duplex }: ConformanceOptions,
): void {
  const methods = [...ControllerLease.methods, ...FastPathRegistry.methods].filter(
    ({ methodKind }) => duplex || methodKind !== "bidi_streaming",
  );
  const cases = methods.flatMap((method) =>
    [...everyRpc, wrongTypes(method)]
      .filter(([, { format }]) => formats.includes(format))
      .map(([what, sent, fields]) => [`${method.name} of ${what}`, method, sent, fields] as const),
  );
  test.each(cases)("%s is FIELD_INVALID and changes nothing", async (...args) => {
    const [, method, sent, fields] = args;
    const { look } = await aim(subject());
    const before = await look();
    const seen = await refusalOf(subject().sendRaw(method, sent));
    expect(seen).toMatchObject({
      code: "InvalidArgument",
      reason: "FIELD_INVALID",
      domain: "controller.beach",
      fields,
    });
    expect(seen.message).toMatch(/^Cannot read the request: "\w+" must /);
    expect(await look()).toEqual(before);
  });
}

/** JSON in which no field is of its type. */
function wrongTypes({ input }: DescMethod): UnreadableCase {
  const body = Object.fromEntries(input.fields.map((field) => [field.jsonName, wrongFor(field)]));
  return ["JSON of wrong types", json(JSON.stringify(body)), input.fields.map(({ name }) => name)];
}

function wrongFor({ fieldKind }: DescField): JsonValue {
  const nobody: JsonObject = {};
  return fieldKind === "message" || fieldKind === "map" ? 5 : nobody;
}

function json(text: string): RawMessage {
  return { format: "json", bytes: new TextEncoder().encode(text) };
}

/** So many bytes that any message can be read from, in a field that none has. */
export function unknownField(size: number): Uint8Array {
  const frame = size < 2 ** 21 ? 5 : 6;
  const writer = new BinaryWriter().tag(31, WireType.LengthDelimited);
  return writer.bytes(new Uint8Array(size - frame)).finish();
}
