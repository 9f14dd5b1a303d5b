import {
  create,
  type DescField,
  type DescMessage,
  type JsonValue,
  type MessageShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";

import { itemLimitOf } from "../../../src/api/request/item-limits.ts";
import { countMessage, type MessageFormat } from "../../../src/api/request/read-message.ts";
import { budgetTable } from "../../../src/budget/budget-table.ts";
import { Budgets } from "../../../src/budget/budgets.ts";
import {
  ControllerLease,
  KeepAliveRequestSchema,
  RenewRequestSchema,
  WatchTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  FastPathRegistry,
  ReportTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { BadRequestSchema } from "../../../src/gen/google/rpc/error_details_pb.js";

const mebibyte = 1024 * 1024;
const report = ReportTransportRequestSchema;

/** The wrong fields that counting finds, before anything is read. */
function excess(desc: DescMessage, bytes: Uint8Array | string, format: MessageFormat): string[] {
  try {
    countMessage({ desc, bytes: Buffer.from(bytes), format }, new Budgets());
  } catch (thrown) {
    const [bad] = ConnectError.from(thrown).findDetails(BadRequestSchema);
    return bad?.fieldViolations.map((fault) => `${fault.field}: ${fault.description}`) ?? [];
  }
  return [];
}

const inputs = [...ControllerLease.methods, ...FastPathRegistry.methods].map(({ input }) => input);
const lists = inputs.flatMap(({ fields }) =>
  fields.filter(({ fieldKind }) => fieldKind === "list" || fieldKind === "map"),
);
const long = lists.filter((field) => itemLimitOf(field) !== undefined);

test("the list fields of requests are the reviewed ones", () => {
  const short = lists.filter((field) => !long.includes(field)).map(({ name }) => name);
  expect(short).toEqual(["required_channels"]);
  expect(long.map(({ name }) => name).sort()).toEqual([
    "known_versions",
    "lease_ids",
    "renewals",
    "reports",
    "session_ids",
  ]);
});

describe.each(long)("$parent.name.$name is counted before it is read:", (field) => {
  const max = itemLimitOf(field) ?? 0;
  const fault = `${field.name}: must have at most ${max} entries`;

  test("in binary, empty entries up to the size of a message", () => {
    const entries = (count: number): Buffer => Buffer.alloc(2 * count, emptyEntry(field));
    expect(excess(field.parent, entries(max), "binary")).toEqual([]);
    expect(excess(field.parent, entries(max + 1), "binary")).toEqual([fault]);
    expect(excess(field.parent, entries(mebibyte / 2), "binary")).toEqual([fault]);
  });

  test("in JSON, under either name and under both", () => {
    const body = (count: number, name: string): string => `{"${name}":${jsonOf(field, count)}}`;
    for (const name of [field.name, field.jsonName]) {
      expect(excess(field.parent, body(max, name), "json")).toEqual([]);
      expect(excess(field.parent, body(max + 1, name), "json")).toEqual([fault]);
    }
    const half = jsonOf(field, max / 2 + 1);
    const twice = `{"${field.name}":${half},"\\u00${hex(field.jsonName)}":${half}}`;
    expect(excess(field.parent, twice, "json")).toEqual([fault]);
  });
});

describe("a message in binary has a limit", () => {
  const { message_fields, item_fields } = budgetTable;
  const many = `must have at most ${message_fields.limit} fields, with those of all messages in it`;
  const large = `must have at most ${item_fields.limit} fields, with those of all messages in it`;
  const unknown = Buffer.from([0xf8, 0x01, 0x00]);

  test("on its fields, unknown ones included", () => {
    const fields = (count: number): Buffer => Buffer.alloc(3 * count, unknown);
    expect(excess(RenewRequestSchema, fields(message_fields.limit), "binary")).toEqual([]);
    expect(excess(RenewRequestSchema, fields(message_fields.limit + 1), "binary")).toEqual([
      `message: ${many}`,
    ]);
  });

  test("on the fields of an entry, however deep they are", () => {
    const channels = (count: number): Uint8Array => nested(1, Buffer.alloc(2 * count, "\x32\x00"));
    const three = [channels(1), channels(item_fields.limit), channels(item_fields.limit + 1)];
    expect(excess(report, Buffer.concat(three), "binary")).toEqual([`reports[2]: ${large}`]);
    const ages = nested(1, nested(6, Buffer.alloc(3 * item_fields.limit, "\x1a\x01\x08")));
    expect(excess(report, ages, "binary")).toEqual([
      "message: must be a beach.controller.v1.ReportTransportRequest in protobuf's binary encoding",
    ]);
    const deep = nested(1, nested(6, Buffer.alloc(4 * item_fields.limit, "\x1a\x02\x08\x01")));
    expect(excess(report, deep, "binary")).toEqual([`reports[0]: ${large}`]);
  });

  test.each([
    ["groups", Buffer.alloc(mebibyte, 0x1b)],
    ["a length beyond the end", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ["an endless number", Buffer.alloc(64, 0xff)],
    ["a number that is cut off", [0x08, 0x80]],
    ["types that do not exist", [0x0f]],
  ])("and %s cannot be read", (_what, bytes) => {
    expect(excess(report, Buffer.from(bytes), "binary")).toEqual([
      "message: must be a beach.controller.v1.ReportTransportRequest in protobuf's binary encoding",
    ]);
  });
});

describe("a message in JSON has a limit", () => {
  const { message_fields, item_fields, json_levels, json_text_bytes } = budgetTable;
  const manyFields = "fields, with those of all messages in it";
  const digits = "9".repeat(json_text_bytes.limit + 3);
  test.each([
    [
      `{"later":[${"[],".repeat(message_fields.limit)}0]}`,
      `message: must have at most ${message_fields.limit} ${manyFields}`,
    ],
    [
      `{${'"a":0,'.repeat(item_fields.limit)}"a":0}`,
      `message: must set at most ${item_fields.limit} fields`,
    ],
    [
      `{"reports":[{},{"channels":[${"{},".repeat(item_fields.limit)}{}]}]}`,
      `reports[1]: must have at most ${item_fields.limit} ${manyFields}`,
    ],
    [
      `{"later":${"[".repeat(mebibyte / 2)}`,
      `message: must have at most ${json_levels.limit} levels`,
    ],
    [
      `{"reports":[{"sequence":"${digits}"}]}`,
      `reports: must have no text above ${json_text_bytes.limit} bytes`,
    ],
    [
      `{"reports":[{"sequence":${digits}}]}`,
      `reports: must have no text above ${json_text_bytes.limit} bytes`,
    ],
    [
      `{"reports":"${"\\u0061".repeat(json_text_bytes.limit)}"}`,
      `reports: must have no text above ${json_text_bytes.limit} bytes`,
    ],
  ])("that %.30s is above", (text, fault) => {
    expect(excess(report, text, "json")).toEqual([fault]);
  });

  test.each(["", '"', '"\\', "{", "[", "}]}]", ":::", '{"reports":', "9", `{"${"a".repeat(99)}`])(
    "and %j passes: reading tells what is wrong with it",
    (text) => {
      expect(excess(report, text, "json")).toEqual([]);
    },
  );
});

describe("a large message is the same when it is read in parts:", () => {
  const knownVersions = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, index) => [`session-${index}`, BigInt(index)]),
  );
  const watch = create(WatchTransportRequestSchema, { knownVersions, sessionIds: ["a", "b"] });
  const reports = create(report, {
    reports: Array.from({ length: 1_000 }, (_, index) => ({
      sessionId: `session-${index}`,
      channels: Array.from({ length: 8 }, () => ({ label: "l", ackAge: { nanos: index } })),
    })),
  });

  test.each<[DescMessage, MessageShape<DescMessage>]>([
    [WatchTransportRequestSchema, watch],
    [report, reports],
  ])("%s", async (desc, message) => {
    const raw = [
      { format: "binary" as const, bytes: toBinary(desc, message) },
      { format: "json" as const, bytes: Buffer.from(toJsonString(desc, message)) },
    ];
    for (const { format, bytes } of raw) {
      const turns = countTurns();
      const counted = countMessage({ desc, format, bytes }, new Budgets());
      expect(await counted.read()).toEqual(message);
      expect(turns()).toBeGreaterThan(2);
    }
  });

  test("a fault in the last entry is named by its place", async () => {
    const renewals = `${'{"ttl":"1s"},'.repeat(999)}{"ttl":1}`;
    const bytes = Buffer.from(`{"renewals":[${renewals}],"later":[${"0,".repeat(9_000)}0]}`);
    const counted = countMessage(
      { desc: KeepAliveRequestSchema, format: "json", bytes },
      new Budgets(),
    );
    await expect(async () => counted.read()).rejects.toThrow(/"renewals\[999\]\.ttl" must be a/);
  });

  test("a key that occurs twice is still refused", async () => {
    const later = `"later":[${"0,".repeat(9_000)}0]`;
    const bytes = Buffer.from(`{"renewals":[{"ttl":"1s"}],"renewals":[],${later}}`);
    const counted = countMessage(
      { desc: KeepAliveRequestSchema, format: "json", bytes },
      new Budgets(),
    );
    await expect(async () => counted.read()).rejects.toThrow(/sets each field once/);
  });
});

/** Says how many turns others got since. */
function countTurns(): () => number {
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    isOver = true;
    return turns;
  };
}

function emptyEntry({ number }: DescField): Buffer {
  return Buffer.from([(number << 3) | WireType.LengthDelimited, 0]);
}

function nested(field: number, bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(bytes).finish();
}

function jsonOf({ fieldKind, message }: DescField, count: number): string {
  if (fieldKind !== "map") {
    const item: JsonValue = message === undefined ? "a" : {};
    return JSON.stringify(Array.from({ length: count }, () => item));
  }
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [at, 1])));
}

/** The first letter of a name as an escape would have it, and the rest. */
function hex(name: string): string {
  return `${name.charCodeAt(0).toString(16)}${name.slice(1)}`;
}

test("the limits counted against are those of the budgets", () => {
  const budgets = new Budgets({
    message_fields: 3,
    item_fields: 2,
    json_levels: 2,
    json_text_bytes: 5,
  });
  const reports = (...each: object[]): string => JSON.stringify({ reports: each });
  const refusals = [
    () => counted(toBinary(report, create(report, { reports: [{}, {}, {}, {}] })), "binary"),
    () =>
      counted(
        toBinary(
          report,
          create(report, { reports: [{ sessionId: "a", generation: 1n, sequence: 1n }] }),
        ),
        "binary",
      ),
    () => counted(reports({}, {}, {}, {}), "json"),
    () => counted(reports({ a: 1 }), "json"),
    () => counted(JSON.stringify({ name: "sixteen" }), "json"),
  ];
  for (const refusal of refusals) expect(refusal).toThrow(/must have/);
  function counted(bytes: Uint8Array | string, format: MessageFormat): void {
    countMessage({ desc: report, bytes: Buffer.from(bytes), format }, budgets);
  }
});
