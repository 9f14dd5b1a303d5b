import { expect, test } from "vitest";

import { isSameText } from "../../../src/core/lease/lease-lookup.ts";

test.each<[string, string, boolean]>([
  ["abc", "abc", true],
  ["abc", "abd", false],
  ["abc", "bbc", false],
  ["abc", "ab", false],
  ["abc", "abcd", false],
  ["abc", "", false],
  ["", "abc", false],
  ["\u0100", "\u0000", false],
])("%j and %j are the same text: %s", (secret, offered, isSame) => {
  expect(isSameText(secret, offered)).toBe(isSame);
});
