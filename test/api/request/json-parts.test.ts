import { type DescMessage, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";

import { partSize } from "../../../src/api/request/json-parts.ts";
import { scanJson } from "../../../src/api/request/json-scan.ts";
import { readJson } from "../../../src/api/request/read-json.ts";
import { Budgets } from "../../../src/budget/budgets.ts";
import {
  KeepAliveRequestSchema,
  WatchTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { AttachSessionRequestSchema } from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";

const budgets = new Budgets();
const atEveryComma = { values: 1, bytes: 1 };
const uncut = { values: 1e9, bytes: 1e9 };

/** The message of a text in JSON, or what it is not. */
async function read(desc: DescMessage, text: string, part: typeof uncut): Promise<unknown> {
  const bytes = Buffer.from(text);
  const fits = scanJson(desc, bytes, budgets, part);
  if (fits.kind !== "fits") return expect.fail("it is too much");
  const result = await readJson(desc, bytes, fits, async () => undefined);
  if (result.kind === "done") return toJson(desc, result.value);
  const isJson = !JSON.stringify(result).includes('"must be JSON"');
  return isJson ? "no such message" : "no JSON";
}

const item = fc.constantFrom(
  ...['"a"', "1", "null", "{}", "[]", '{"sessionId":"s","ttl":"2s"}', '"\\"],{"', " 7 "],
  ...['{"sessionId":1}', '{"leaseOnly":[1,2]}', '"é,\ufeff"', "[[1,2],{}]"],
);
const list = fc.array(item, { maxLength: 5 }).map((items) => `[${items.join(", ")}]`);
const map = fc
  .uniqueArray(fc.constantFrom("a", "b", "c", "\\u0064"), { maxLength: 4 })
  .map((keys) => `{${keys.map((key) => `"${key}" : 1`).join(" ,")}}`);
const name = fc.constantFrom(
  ...["renewals", "sessionIds", "session_ids", "known\\u0056ersions", "requiredChannels"],
);
const field = fc.oneof(
  fc.tuple(name, fc.oneof(list, map, item)),
  fc.tuple(fc.constant("later"), fc.oneof(list, item)),
);
const message = fc
  .array(field, { maxLength: 4 })
  .map((fields) => `{ ${fields.map(([key, value]) => `"${key}": ${value}`).join(",\n")} }`);
const mark = fc.constantFrom("", ",", "]", "}", "{", "[", " ", '"');
/** Text of which a character or two are others, and which may no longer be JSON. */
const text = fc
  .tuple(message, fc.array(fc.tuple(fc.nat(), mark), { maxLength: 2 }))
  .map(([json, changes]) => changes.reduce(changed, json));

function changed(json: string, [place, other]: [number, string]): string {
  const at = place % json.length;
  return `${json.slice(0, at)}${other}${json.slice(at + 1)}` || "{";
}

test.each([KeepAliveRequestSchema, WatchTransportRequestSchema, AttachSessionRequestSchema])(
  "JSON that is cut at every comma is read, or refused, as it is uncut: $name",
  async (desc) => {
    await fc.assert(
      fc.asyncProperty(text, async (json) => {
        expect(await read(desc, json, atEveryComma)).toEqual(await read(desc, json, uncut));
      }),
      { numRuns: 500 },
    );
  },
);

test.each([
  '{"knownVersions":{"a":1,"\\u0061":1}}',
  '{"reader":1,"sessionIds":[],"r\\u0065ader":1}',
])("%s is refused, though its parts are not", async (json) => {
  expect(await read(WatchTransportRequestSchema, json, atEveryComma)).toBe("no such message");
});

test.each([
  ["a list of the message", "renewals", Array(1_000).fill('{"sessionId":"s","ttl":"1s"}')],
  ["a map of it", "knownVersions", Array.from({ length: 9_999 }, (_, at) => [`"s${at}":"1"`])],
  ["what nobody knows", "later", Array(90_000).fill("1")],
  ["long texts", "later", Array(120).fill(`"${"a".repeat(8_000)}"`)],
])("%s is read some at a time", (_what, named, items) => {
  const [opens, closes] = named === "knownVersions" ? "{}" : "[]";
  const desc = named === "renewals" ? KeepAliveRequestSchema : WatchTransportRequestSchema;
  const bytes = Buffer.from(`{"${named}":${opens}${items.join(",")}${closes}}`);
  const fits = scanJson(desc, bytes, budgets);
  if (fits.kind !== "fits") return expect.fail("it is too much");
  const ends = [0, ...fits.cuts.map(({ at }) => at), bytes.length];
  for (const [index, start] of ends.slice(0, -1).entries()) {
    const part = bytes.subarray(start, ends[index + 1]);
    expect(part.length).toBeLessThan(partSize.bytes + 9_000);
    expect(part.filter((byte) => byte === 0x2c).length).toBeLessThan(partSize.values + 10);
  }
});
