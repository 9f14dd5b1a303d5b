import fc from "fast-check";
import { expect, test } from "vitest";

import { SpreadMap } from "../../src/collections/spread-map.ts";

const key = fc.string({ maxLength: 2, unit: "binary" });
const steps = fc.array(fc.record({ key, isSet: fc.boolean() }), { maxLength: 300 });

test("a map that is spread holds what a Map holds", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const map = new SpreadMap<string, number>();
      const model = new Map<string, number>();
      for (const [at, { key, isSet }] of taken.entries()) {
        if (isSet) {
          map.set(key, at);
          model.set(key, at);
        } else expect(map.delete(key)).toBe(model.delete(key));
        expect(map.get(key)).toBe(model.get(key));
        expect(map.has(key)).toBe(model.has(key));
        expect(map.size).toBe(model.size);
      }
    }),
  );
});

test.each([
  ["counted", (at: number) => `session-${at}`],
  ["counted in front", (at: number) => `${at}-session-of-a-beach`],
  ["alike but for two units", (at: number) => String.fromCharCode(at % 256, 32, at / 256)],
])("no table of it has more than its share of names that are %s", (_how, nameOf) => {
  const map = new SpreadMap<string, boolean>();
  const names = 60_000;
  for (let at = 0; at < names; at += 1) map.set(nameOf(at), true);
  expect(map.size).toBe(names);
  expect(map.largest).toBeLessThan(names / 32);
});
