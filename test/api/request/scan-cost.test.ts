import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";

import { scanJson } from "../../../src/api/request/json-scan.ts";
import { scanWire } from "../../../src/api/request/wire-scan.ts";
import { budgetTable } from "../../../src/budget/budget-table.ts";
import { Budgets } from "../../../src/budget/budgets.ts";
import {
  AttachSessionRequestSchema,
  ReportTransportRequestSchema,
} from "../../../src/gen/beach/controller/v1/fast_path_registry_pb.js";

const mebibyte = 1024 * 1024;

/** A message whose fields tell how often it was asked what kind they are of. */
function asked(desc: DescMessage): { readonly desc: DescMessage; times(): number } {
  let times = 0;
  const fields = desc.fields.map((field) =>
    Object.defineProperty(Object.create(field) as DescField, "parent", {
      get() {
        times += 1;
        return field.parent;
      },
    }),
  );
  return {
    desc: Object.assign(Object.create(desc) as DescMessage, { fields }),
    times: () => times,
  };
}

describe("how many entries a field may have is looked up once, however many there are:", () => {
  test("in binary", () => {
    const { desc, times } = asked(AttachSessionRequestSchema);
    const channels = Buffer.alloc(mebibyte, Buffer.of(0x1a, 0));
    expect(scanWire(desc, channels, new Budgets())).toMatchObject({ budget: "message_fields" });
    expect(times()).toBeLessThanOrEqual(desc.fields.length);
  });

  test("in JSON", () => {
    const { desc, times } = asked(AttachSessionRequestSchema);
    const channels = Buffer.from(`{"requiredChannels":[${'"",'.repeat(mebibyte / 4)}""]}`);
    expect(scanJson(desc, channels, new Budgets())).toMatchObject({ budget: "message_fields" });
    expect(times()).toBe(1);
  });
});

/** Bytes that tell how often one of them was looked at. */
function looked(text: string): { readonly bytes: Uint8Array; times(): number } {
  let times = 0;
  const bytes = new Proxy(Buffer.from(text), {
    get(target, name) {
      if (typeof name === "string" && /^\d+$/.test(name)) times += 1;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { bytes, times: () => times };
}

test.each([
  ["text", `{"reports":[{"sequence":"${"9".repeat(100_000)}"}]}`],
  ["text of escapes", `{"sessionId":"${"\\u0041".repeat(20_000)}"}`],
  ["number", `{"reports":[{"sequence":${"9".repeat(100_000)}}]}`],
  ["name", `{"${"n".repeat(100_000)}":1}`],
])("a %s that is too long is looked at no further in JSON", (_what, text) => {
  const { bytes, times } = looked(text);
  const scan = scanJson(ReportTransportRequestSchema, bytes, new Budgets());
  expect(scan).toMatchObject({ budget: "json_text_bytes" });
  expect(times()).toBeLessThan(3 * budgetTable.json_text_bytes.limit);
});
