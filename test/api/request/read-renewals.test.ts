import { create, equals, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { limits } from "../../../src/api/request/limits.ts";
import { readKeepAlive, readRenew } from "../../../src/api/request/read-renewals.ts";
import { scanWire } from "../../../src/api/request/wire-scan.ts";
import { Budgets } from "../../../src/budget/budgets.ts";
import {
  KeepAliveRequestSchema,
  RenewRequestSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";

const budgets = new Budgets();
const max = {
  inAll: budgets.limit("message_fields"),
  inItem: budgets.limit("item_fields"),
  items: limits.batch,
};

type Renewal = MessageInitShape<typeof RenewRequestSchema>;

const ascii = fc.string({ unit: "binary-ascii", maxLength: 300 });
const usual: fc.Arbitrary<Renewal> = fc.record(
  {
    sessionId: ascii,
    controllerToken: ascii,
    ttl: fc.record({
      seconds: fc.bigInt({ min: 0n, max: 2n ** 49n - 1n }),
      nanos: fc.nat({ max: 0x7fffffff }),
    }),
    leaseOnly: fc.boolean(),
  },
  { requiredKeys: ["sessionId", "controllerToken"] },
);
/** Of these, two together have no more fields than one may have. */
const few: fc.Arbitrary<Renewal> = fc.oneof(
  fc.record({ sessionId: fc.constantFrom("a", "b"), leaseOnly: fc.boolean() }),
  fc.record({ ttl: fc.record({ seconds: fc.bigInt(0n, 1n), nanos: fc.nat({ max: 1 }) }) }),
);
const any: fc.Arbitrary<Renewal> = fc.record(
  {
    sessionId: fc.string({ unit: "binary", maxLength: 40 }),
    controllerToken: ascii,
    ttl: fc.record({
      seconds: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      nanos: fc.integer(),
    }),
  },
  { requiredKeys: [] },
);

function encoded(renewals: Renewal[]): Uint8Array {
  return toBinary(KeepAliveRequestSchema, create(KeepAliveRequestSchema, { renewals }));
}

/** A batch of one renewal, whose fields are those of both. */
function merged(...renewals: Renewal[]): Uint8Array {
  const fields = Buffer.concat(
    renewals.map((renewal) => toBinary(RenewRequestSchema, create(RenewRequestSchema, renewal))),
  );
  const length = [(fields.length & 0x7f) | 0x80, fields.length >> 7];
  return Buffer.concat([Buffer.from([0x0a, ...length]), fields]);
}

/** What is read directly is what protobuf reads, and has as many fields as are counted. */
function expectAsProtobuf(bytes: Uint8Array): void {
  const read = readKeepAlive(bytes, max);
  if (read === undefined) return;
  const message = fromBinary(KeepAliveRequestSchema, bytes);
  expect(equals(KeepAliveRequestSchema, read.message, message)).toBe(true);
  expect(scanWire(KeepAliveRequestSchema, bytes, budgets)).toMatchObject({
    kind: "fits",
    fields: read.fields,
  });
}

/** The same for the only renewal of a message. */
function expectRenewAsProtobuf(bytes: Uint8Array): void {
  const read = readRenew(bytes, max);
  if (read === undefined) return;
  expect(equals(RenewRequestSchema, read.message, fromBinary(RenewRequestSchema, bytes))).toBe(
    true,
  );
  expect(scanWire(RenewRequestSchema, bytes, budgets)).toMatchObject({
    kind: "fits",
    fields: read.fields,
  });
}

describe("a renewal is read straight from its bytes", () => {
  const renewal = (fields: Renewal): Uint8Array =>
    toBinary(RenewRequestSchema, create(RenewRequestSchema, fields));

  test("as protobuf reads it, where nothing is out of the ordinary", () => {
    fc.assert(
      fc.property(usual, (fields) => {
        expect(readRenew(renewal(fields), max)).toBeDefined();
        expectRenewAsProtobuf(renewal(fields));
      }),
    );
  });

  test("as protobuf reads it, whatever is in it, or not at all", () => {
    const byte = fc.record({ place: fc.nat({ max: 400 }), value: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        fc.oneof(usual, any, few),
        fc.array(byte),
        fc.nat(400),
        (fields, changes, end) => {
          const bytes = renewal(fields).slice(0, end);
          for (const { place, value } of changes) bytes[place % bytes.length] = value;
          expectRenewAsProtobuf(bytes);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("but not where its fields are too many", () => {
    const bytes = renewal({ sessionId: "s", ttl: { seconds: 1n } });
    expect(readRenew(bytes, { ...max, inAll: 3 })?.fields).toBe(3);
    expect(readRenew(bytes, { ...max, inAll: 2 })).toBeUndefined();
  });
});

describe("a batch of renewals is read straight from its bytes", () => {
  test("as protobuf reads it, where nothing is out of the ordinary", () => {
    fc.assert(
      fc.property(fc.array(usual, { maxLength: 20 }), (renewals) => {
        const bytes = encoded(renewals);
        expect(readKeepAlive(bytes, max)).toBeDefined();
        expectAsProtobuf(bytes);
      }),
    );
  });

  test("as protobuf reads it, whatever is in it, or not at all", () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 5 }), (all) => expectAsProtobuf(encoded(all))),
    );
  });

  test("as protobuf merges it, where fields come twice, or not at all", () => {
    fc.assert(fc.property(few, few, (one, other) => expectAsProtobuf(merged(one, other))));
  });

  test("as protobuf reads it, whichever of its bytes are others, or not at all", () => {
    const byte = fc.record({ place: fc.nat({ max: 400 }), value: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(usual, any), { minLength: 1, maxLength: 4 }),
        fc.array(byte, { minLength: 1, maxLength: 3 }),
        fc.nat({ max: 400 }),
        (renewals, changes, length) => {
          const bytes = encoded(renewals).slice(0, length);
          for (const { place, value } of changes) bytes[place % bytes.length] = value;
          expectAsProtobuf(bytes);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["more renewals than a batch may have", Array.from({ length: limits.batch + 1 }, () => ({}))],
    ["a text that is not ASCII", [{ sessionId: "séance" }]],
    ["a ttl below zero", [{ ttl: { seconds: -1n } }]],
  ])("but not where it has %s", (_what, renewals) => {
    expect(readKeepAlive(encoded(renewals), max)).toBeUndefined();
  });

  test("but not where its fields are too many", () => {
    const bytes = encoded([{ sessionId: "s", ttl: { seconds: 1n } }, { sessionId: "s" }]);
    expect(readKeepAlive(bytes, { ...max, inItem: 3, inAll: 6 })?.fields).toBe(6);
    expect(readKeepAlive(bytes, { ...max, inItem: 2 })).toBeUndefined();
    expect(readKeepAlive(bytes, { ...max, inAll: 5 })).toBeUndefined();
  });
});
