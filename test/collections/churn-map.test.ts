import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ChurnMap } from "../../src/collections/churn-map.ts";
import { ChurnSet } from "../../src/collections/churn-set.ts";
import { withoutPretenuring } from "../../src/no-pretenuring.ts";

const key = fc.integer({ min: 0, max: 40 });
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("set" as const), key }),
    fc.record({ do: fc.constant("delete" as const), key }),
  ),
  { minLength: 400, maxLength: 1_000 },
);

describe("a map for what comes and goes", () => {
  test("holds what a Map holds, in the same order", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const map = new ChurnMap<number, number>();
        const model = new Map<number, number>();
        for (const [at, step] of taken.entries()) {
          if (step.do === "set") {
            map.set(step.key, at);
            model.set(step.key, at);
          } else expect(map.delete(step.key)).toBe(model.delete(step.key));
          expect(map.get(step.key)).toBe(model.get(step.key));
          expect(map.has(step.key)).toBe(model.has(step.key));
          expect(map.size).toBe(model.size);
        }
        expect([...map]).toEqual([...model]);
        expect([...map.values()]).toEqual([...model.values()]);
      }),
      { numRuns: 30 },
    );
  });

  test("leaves out what is removed while it is gone through", () => {
    const members = new ChurnSet<string>().add("a").add("b").add("c");
    const seen: string[] = [];
    members.forEach((member) => {
      seen.push(member);
      members.delete("b");
    });
    expect(seen).toEqual(["a", "c"]);
    expect([...members]).toEqual(["a", "c"]);
    expect(members.size).toBe(2);
  });

  test("keeps nothing that was removed until the next full collection, as a Map does", () => {
    withoutPretenuring();
    const ofChurnMap = bytesKept(new ChurnMap<number, object>());
    const ofMap = bytesKept(new Map<number, object>());
    expect(ofChurnMap).toBeLessThan(5_000_000);
    // The measure sees what is kept.
    expect(ofMap).toBeGreaterThan(10_000_000);
  });
});

const entries = 60_000;
const inMap = 16;

/** What is left in the old generation of entries that came and went. */
function bytesKept(map: Map<number, object> | ChurnMap<number, object>): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options?: { type: "minor" }) => void;
  map.set(0, {});
  collect();
  const before = oldBytes();
  for (let entry = 1; entry <= entries; entry += 1) {
    map.set(entry, new Array(100).fill(entry));
    map.delete(entry - inMap);
    if (entry % 5_000 === 0) collect({ type: "minor" });
  }
  return oldBytes() - before;
}

function oldBytes(): number {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space");
  return space?.space_used_size ?? Number.NaN;
}
