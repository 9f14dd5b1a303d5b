import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { DeadlineQueue, type Scheduled } from "../../src/store/deadline-queue.ts";

interface Item extends Scheduled {
  readonly name: number;
}

const none = Number.POSITIVE_INFINITY;
const itemAt = (name: number, deadline = none): Item => ({ name, deadline, queuedAt: none });

describe("the deadline queue", () => {
  test("returns the due sessions as a scan of all deadlines would, whatever moved before", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("move" as const),
        name: fc.nat(7),
        to: fc.oneof(fc.nat(50), fc.constant(none)),
      }),
      fc.record({ kind: fc.constant("cancel" as const), name: fc.nat(7) }),
      fc.record({ kind: fc.constant("due" as const), now: fc.nat(60), limit: fc.nat(9) }),
      fc.record({ kind: fc.constant("next" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new DeadlineQueue<Item>();
        const items = Array.from({ length: 8 }, (_, name) => itemAt(name));
        for (const taken of steps) {
          const earliest = Math.min(...items.map(({ deadline }) => deadline));
          if (taken.kind === "due") {
            const due = queue.due(taken.now, taken.limit);
            const expected = items
              .map(({ deadline }) => deadline)
              .filter((deadline) => deadline <= taken.now)
              .sort((a, b) => a - b)
              .slice(0, taken.limit);
            expect(due.map(({ deadline }) => deadline)).toEqual(expected);
            expect(new Set(due).size).toBe(due.length);
          } else if (taken.kind === "next") {
            expect(queue.nextMoment() ?? none).toBe(earliest);
          } else {
            const item = items[taken.name];
            if (item === undefined) continue;
            if (taken.kind === "cancel") {
              queue.cancel(item);
            } else {
              item.deadline = taken.to;
              queue.schedule(item);
            }
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("puts many deadlines that moved later in their place a bounded number at a time", () => {
    const queue = new DeadlineQueue<Item>();
    const items = Array.from({ length: 20_000 }, (_, name) => itemAt(name, name));
    for (const item of items) queue.schedule(item);
    for (const item of items) {
      item.deadline += 30_000;
      queue.schedule(item);
    }
    const calls: number[] = [];
    while ((queue.nextMoment() ?? none) <= 25_000) calls.push(queue.due(25_000, 100).length);
    // Each looks for the next moment before, which moves as many.
    expect(calls).toEqual([0, 0]);
    expect(queue.nextMoment()).toBe(30_000);
    expect(queue.due(30_002, 100).map(({ name }) => name)).toEqual([0, 1, 2]);
  });

  test("keeps deadlines apart that moved earlier again and again", () => {
    const queue = new DeadlineQueue<Item>();
    const item = itemAt(0);
    for (let deadline = 100_000; deadline > 0; deadline--) {
      item.deadline = deadline;
      queue.schedule(item);
    }
    expect(queue.due(1, 10)).toEqual([item]);
    queue.cancel(item);
    expect(queue.nextMoment()).toBeUndefined();
  });
});
