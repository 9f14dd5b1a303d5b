import { describe, expect, test } from "vitest";

import { FieldCheck } from "../../../src/api/request/field-check.ts";
import { idFault, lengthFault, reasonFault } from "../../../src/api/request/field-rules.ts";
import { parseTtl } from "../../../src/api/request/parse-values.ts";
import { readPageToken, writePageToken } from "../../../src/api/sessions/page-token.ts";

describe("an id", () => {
  test.each([
    ["a", true],
    ["with space ~!", true],
    ["x".repeat(128), true],
    ["", false],
    ["x".repeat(129), false],
    ["a/b", false],
    ["tab\t", false],
    ["ümlaut", false],
  ])("%j fits: %s", (value, fits) => {
    expect(idFault(value) === undefined).toBe(fits);
  });
});

describe("a length", () => {
  test("is counted in characters", () => {
    expect(lengthFault("🏖".repeat(64), 64)).toBeUndefined();
    expect(lengthFault("🏖".repeat(65), 64)).toBeDefined();
  });
});

describe("a reason", () => {
  test.each([
    ["", true],
    ["pong_autopilot:lhs", true],
    ["zu spät 🏖", true],
    ["r".repeat(64), true],
    ["r".repeat(65), false],
    ["two\nlines", false],
    ["\u007f", false],
    ["\u0085", false],
  ])("%j fits: %s", (value, fits) => {
    expect(reasonFault(value) === undefined).toBe(fits);
  });
});

describe("a ttl", () => {
  const parse = (seconds: bigint, nanos = 0) => {
    const check = new FieldCheck();
    const ttl = { $typeName: "google.protobuf.Duration", seconds, nanos } as const;
    return { ms: parseTtl({ check, name: "ttl" }, ttl), wrong: check.violations.length };
  };

  test.each([
    [30n, 0, 30_000],
    [0n, 1, 1],
    [1n, 999_999_999, 2000],
    [315_576_000_000n, 0, 315_576_000_000_000],
  ])("of %s s and %s ns is %s ms", (seconds, nanos, ms) => {
    expect(parse(seconds, nanos)).toEqual({ ms, wrong: 0 });
  });

  test.each([
    [0n, 0],
    [-1n, 0],
    [0n, -1],
    [1n, -1],
    [0n, 1_000_000_000],
    [315_576_000_001n, 0],
  ])("of %s s and %s ns is wrong", (seconds, nanos) => {
    expect(parse(seconds, nanos)).toEqual({ ms: undefined, wrong: 1 });
  });
});

describe("a page token", () => {
  test("is accepted only for the listing that it came from", () => {
    expect(readPageToken(writePageToken("beach-1", "s-9"), "beach-1")).toBe("s-9");
    expect(readPageToken(writePageToken("", "s-9"), "")).toBe("s-9");
  });

  test.each([
    ["another beach's", writePageToken("beach-1", "s-9"), "beach-2"],
    ["a beach's, asked of everything", writePageToken("beach-1", "s-9"), ""],
    ["everything's, asked of a beach", writePageToken("", "s-9"), "beach-1"],
    ["a made-up", "made up", ""],
    ["a padded", `${writePageToken("", "s-9")}=`, ""],
    ["an empty", writePageToken("", ""), ""],
  ])("that is %s one leads nowhere", (_what, token, beachId) => {
    expect(readPageToken(token, beachId)).toBeUndefined();
  });
});
