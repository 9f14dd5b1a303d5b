import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import fc from "fast-check";

import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";

export const methods: readonly DescMethod[] = [
  ...ControllerLease.methods,
  ...FastPathRegistry.methods,
];

export type Format = "json" | "binary";

/** Few sessions and texts that mean something here, so that some calls get past the first check. */
const meant = ["fuzz-1", "fuzz-2", "beach-1", "1234", "", "tile", "30s", "1.5s", "0"] as const;

const texts = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...meant) },
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("a/b", "../x", "é".repeat(200), "\u0000", "\ud800", "9".repeat(400), "__proto__"),
  fc.nat(300_000).map((length) => "x".repeat(length)),
);

const numbers = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -1, 2 ** 31, 2 ** 53, 2 ** 64, 1e308, -0),
);

/** Names of the message's own fields, and some that it does not have. */
function names(desc: DescMessage): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...desc.fields.map(({ jsonName }) => jsonName), "x") },
    fc.constantFrom("__proto__", "constructor", "toString", "session_id", ""),
    fc.string({ maxLength: 10 }),
  );
}

function jsonField(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const one = field.message && depth > 0 ? jsonValue(field.message, depth - 1) : texts;
  const right: fc.Arbitrary<unknown> =
    field.fieldKind === "list" ? fc.array(one, { maxLength: 5 }) : one;
  return fc.oneof({ weight: 4, arbitrary: right }, numbers, fc.jsonValue({ maxDepth: 3 }));
}

function jsonValue(desc: DescMessage, depth: number): fc.Arbitrary<unknown> {
  const known = Object.fromEntries(
    desc.fields.map((field) => [field.jsonName, jsonField(field, depth)]),
  );
  return fc.oneof(
    { weight: 6, arbitrary: fc.record(known, { requiredKeys: [] }) },
    fc.dictionary(names(desc), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 8 }),
    fc.jsonValue(),
  );
}

/** Shapes that cost more than their size. */
const deep = fc
  .tuple(fc.constantFrom("[", '{"a":', '{"reports":[', "[[]", "9"), fc.nat(60_000))
  .map(([piece, times]) => piece.repeat(times));

function jsonText(desc: DescMessage): fc.Arbitrary<Buffer> {
  const whole = jsonValue(desc, 2).map((value) => JSON.stringify(value) ?? "");
  const cut = fc.tuple(whole, fc.double({ min: 0, max: 1, noNaN: true }));
  return fc
    .oneof(
      { weight: 6, arbitrary: whole },
      cut.map(([text, part]) => text.slice(0, Math.floor(text.length * part))),
      deep,
    )
    .map((text) => Buffer.from(text));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.of(...bytes, rest);
}

const loose = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));

/** What follows a tag of a wire type; most of it is what has to follow. */
function wirePayload(wireType: number, inner: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const lengths = fc.constantFrom(0, 1, 127, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 52);
  switch (wireType) {
    case 0:
      return fc.oneof(fc.maxSafeNat().map(varint), fc.constant(Buffer.alloc(11, 0xff)));
    case 2:
      return fc.oneof(
        {
          weight: 5,
          arbitrary: inner.map((bytes) => Buffer.concat([varint(bytes.length), bytes])),
        },
        fc.tuple(lengths, inner).map(([length, bytes]) => Buffer.concat([varint(length), bytes])),
      );
    default:
      return loose;
  }
}

function wireField(desc: DescMessage, depth: number): fc.Arbitrary<Buffer> {
  const plain = fc.oneof(
    texts.map((text) => Buffer.from(text)),
    loose,
  );
  const fieldNumbers = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...desc.fields.map(({ number }) => number), 1) },
    fc.constantFrom(0, 99, 2 ** 29 - 1, 2 ** 29),
  );
  return fc
    .tuple(fieldNumbers, fc.constantFrom(2, 2, 2, 0, 0, 1, 3, 4, 5, 6, 7))
    .chain(([number, wireType]) => {
      const message = desc.fields.find((field) => field.number === number)?.message;
      const inner = message && depth > 0 ? wireBytes(message, depth - 1) : plain;
      return wirePayload(wireType, inner).map((payload) =>
        Buffer.concat([varint(number * 8 + wireType), payload]),
      );
    });
}

function wireBytes(desc: DescMessage, depth = 2): fc.Arbitrary<Buffer> {
  const fields = fc.array(wireField(desc, depth), { maxLength: 6 });
  return fc.oneof(
    { weight: 6, arbitrary: fields.map((parts) => Buffer.concat(parts)) },
    loose,
    fc
      .tuple(fc.constantFrom(0x0b, 0x7b, 0xff, 0x12, 0x00), fc.nat(200_000))
      .map(([byte, length]) => Buffer.alloc(length, byte)),
  );
}

/** Bytes that are a message of the kind, almost one, or none at all. */
export function messageBytes(desc: DescMessage, format: Format): fc.Arbitrary<Buffer> {
  return format === "json" ? jsonText(desc) : wireBytes(desc);
}
