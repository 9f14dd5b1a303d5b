import { hash } from "node:crypto";

import fc from "fast-check";
import { expect, test } from "vitest";

import { RememberedDigests } from "../../src/service/remembered-digests.ts";

/** Few beginnings and few ends, so that tokens come again and take each other's places. */
const token = fc
  .record({
    start: fc.constantFrom("AAAA", "AAAB", "zz_-"),
    fill: fc.constantFrom("x", "y"),
    length: fc.constantFrom(42, 43, 44),
    end: fc.constantFrom("1", "2"),
  })
  .map(({ start, fill, length, end }) => start + fill.repeat(length - 5) + end);

test("a digest is that of its token, whether it is remembered or not", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(token, fc.string()), { maxLength: 40 }), (tokens) => {
      const digests = new RememberedDigests();
      for (const one of tokens) {
        expect(digests.of(one)).toBe(hash("sha256", one, "base64url"));
      }
    }),
  );
});
