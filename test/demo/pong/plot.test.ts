import { expect, test } from "vitest";

import { type Plot, plotOf, silenceOf } from "../../../src/demo/page/model/plot.ts";
import { evolve, newStory, type Story, type StoryEvent } from "../../../src/demo/pong/story.ts";

/** A pixel is a tenth of a second across, and 10 ms up. */
const size = { width: 600, height: 200, windowMs: 60_000 };
const now = 60_000;

function plot(...events: readonly StoryEvent[]): Plot {
  return plotOf(storyOf(...events), now, size);
}

function storyOf(...events: readonly StoryEvent[]): Story {
  return events.reduce(evolve, newStory(0));
}

function pictures(
  from: number,
  to: number,
  over: "fast_path" | "http",
  tookMs: number,
): StoryEvent[] {
  const events: StoryEvent[] = [];
  for (let at = from; at < to; at += 100) {
    events.push({ kind: "picture", at: at + tookMs, over, tookMs: [tookMs] });
  }
  return events;
}

/** The highest point of an outline, in px from below. */
function heightOf(outline: string): number {
  const tops = [...outline.matchAll(/V([\d.]+)[HL]/g)].map(([, y]) => Number(y));
  return size.height - Math.min(size.height, ...tops);
}

test("a fast path is one flat line, whatever is renewed", () => {
  const { areas, marks } = plot(
    ...pictures(0, now, "fast_path", 1),
    { kind: "mark", at: 20_000, mark: "refreshed" },
    { kind: "mark", at: 40_000, mark: "refreshed" },
  );
  expect(heightOf(areas.fast)).toBe(2.5);
  expect([areas.http, areas.late]).toEqual(["", ""]);
  expect(marks).toEqual([
    { x: 200, mark: "refreshed" },
    { x: 400, mark: "refreshed" },
  ]);
});

test("HTTP is higher and of its own kind; what was held up is of another", () => {
  const { areas } = plot(
    ...pictures(0, 30_000, "http", 200),
    { kind: "picture", at: 32_000, over: "fast_path", tookMs: [1_600, 800, 1] },
    { kind: "picture", at: now, over: "fast_path", tookMs: [1] },
  );
  expect([heightOf(areas.http), heightOf(areas.late), heightOf(areas.fast)]).toEqual([
    20, 160, 2.5,
  ]);
});

test("what waits now is seen to grow, and looks the same once it has come", () => {
  const cameAt = now - 1_500;
  const before = pictures(cameAt - 5_000, cameAt, "fast_path", 0);
  expect(silenceOf(storyOf(...before), now)).toBe(1_600);
  expect(heightOf(plot(...before).areas.late)).toBe(160);
  const waited = Array.from({ length: 16 }, (_, index) => 1_600 - index * 100);
  const after = plot(...before, { kind: "picture", at: now, over: "fast_path", tookMs: waited });
  expect(heightOf(after.areas.late)).toBe(160);
});

test("the scale stays where it is until something waits for longer", () => {
  const topOf = (waitedMs: number): number | undefined =>
    plot({ kind: "picture", at: now, over: "fast_path", tookMs: [waitedMs] }).rungs.at(-1)?.ms;
  expect([1, 1_999, 2_001, 4_000, 30_000].map(topOf)).toEqual([2_000, 2_000, 4_000, 4_000, 60_000]);
});

test("bands follow each other without a gap, up to now", () => {
  const { regimes, moments } = plot(
    { kind: "regime", at: 30_000, regime: "old" },
    { kind: "regime", at: 45_000, regime: "ours" },
  );
  expect(regimes).toEqual([
    { x: 0, width: 300, value: "ours" },
    { x: 300, width: 150, value: "old" },
    { x: 450, width: 150, value: "ours" },
  ]);
  expect(moments.map(({ x, agoMs }) => [x, agoMs])).toEqual(
    [0, 1, 2, 3, 4, 5, 6].map((index) => [index * 100, 60_000 - index * 10_000]),
  );
});
