import {
  create,
  type DescField,
  type DescMessage,
  type DescService,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  ControllerLease,
  RenewResponseSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { Health } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { answerEncoder } from "../../../src/server/grpc/answer-encoder.ts";
import { enveloped } from "../../../src/server/intake/envelopes.ts";

type Fields = Record<string, unknown>;

const services: readonly DescService[] = [ControllerLease, FastPathRegistry, Health];
const answers = new Set(services.flatMap(({ methods }) => methods.map(({ output }) => output)));

/** Any answer, with as many of its fields as may be there. */
function answerOf(desc: DescMessage): fc.Arbitrary<Fields> {
  const single = desc.fields.filter(({ oneof }) => oneof === undefined);
  const alone = fc.record(
    Object.fromEntries(single.map((field) => [field.localName, fieldValue(field)])),
    { requiredKeys: [] },
  );
  const chosen = desc.oneofs.map((oneof) => {
    const cases = oneof.fields.map((field) =>
      fieldValue(field).map((value) => ({ [oneof.localName]: { case: field.localName, value } })),
    );
    return fc.oneof(fc.constant({}), ...cases);
  });
  return fc.tuple(alone, ...chosen).map((parts) => Object.assign({}, ...parts) as Fields);
}

function fieldValue(field: DescField): fc.Arbitrary<unknown> {
  const { message } = field;
  const one = message === undefined ? scalarOf(field) : answerOf(message);
  return field.fieldKind === "list" ? fc.array(one, { maxLength: 4 }) : one;
}

function scalarOf({ scalar, enum: values }: DescField): fc.Arbitrary<unknown> {
  if (values !== undefined) return fc.constantFrom(...values.values.map(({ number }) => number));
  switch (scalar) {
    case ScalarType.STRING:
      return fc.string({ unit: "grapheme", maxLength: 200 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.INT32:
      return fc.integer();
    case ScalarType.UINT32:
      return fc.nat();
    case ScalarType.INT64:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case ScalarType.UINT64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    default:
      throw new Error("no answer has such a field");
  }
}

function byProtobuf(desc: DescMessage, answer: Fields): Buffer {
  return enveloped(toBinary(desc, create(desc, answer as never)));
}

describe("an answer is written as protobuf-es writes it:", () => {
  test.each([...answers].map((desc) => [desc.name, desc] as const))("%s", (_, desc) => {
    const encode = answerEncoder(desc);
    fc.assert(
      fc.property(answerOf(desc), (answer) => {
        expect(encode(answer)).toEqual(byProtobuf(desc, answer));
      }),
      { numRuns: 50 },
    );
  });

  test.each([127, 128, 16_383, 16_384, 100_000, 3_000_000])("with a text of %d", (length) => {
    const answer = { lease: { reason: "x".repeat(length) }, joined: true };
    expect(
      answerEncoder(RenewResponseSchema)(answer).equals(byProtobuf(RenewResponseSchema, answer)),
    ).toBe(true);
  });

  test("with fields that are there and say nothing", () => {
    const answer = {
      lease: undefined,
      joined: false,
      transport: { ends: undefined, lingering: {} },
    };
    const encoded = answerEncoder(RenewResponseSchema)(answer);
    expect(encoded).toEqual(byProtobuf(RenewResponseSchema, answer));
  });
});
