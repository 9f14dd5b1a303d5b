import { expect, test } from "vitest";

import { RecordUnreadable } from "../../src/store/codec/flat-record.ts";
import { FlatScan } from "../../src/store/codec/flat-scan.ts";

/** Around the longest that is scanned. */
const lengths = Array.from({ length: 40 }, (_, index) => 16_360 + index);

/** A record of one text, of so many characters with what stands around it. */
function recordOf(text: string, length: number): string {
  return `["${text}${"x".repeat(length - text.length - 4)}"]`;
}

test("a record in ASCII is scanned up to a length, and is unreadable from there on", () => {
  const isScanned = lengths.map((length) => {
    const json = recordOf("a", length);
    try {
      const scan = new FlatScan(json);
      expect(scan.text()).toBe(JSON.parse(json)[0]);
      scan.finish();
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(RecordUnreadable);
      return false;
    }
  });
  expect(isScanned).toEqual(lengths.map((length) => length <= 16_380));
});

test.each(["é", "€", "𝄞", "ééé", "€€", "\ud834"])(
  "one with %j is unreadable at any length",
  (text) => {
    for (const length of lengths) {
      const [first, last] = [
        recordOf(text, length),
        [...recordOf(text, length)].reverse().join(""),
      ];
      for (const json of [first, last.replace(/^]/, "[").replace(/\[$/, "]")]) {
        expect(() => new FlatScan(json), `${length} characters`).toThrow(RecordUnreadable);
      }
    }
  },
);
