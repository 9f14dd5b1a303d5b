import { expect, test } from "vitest";

import {
  evolve,
  newStory,
  rememberedMs,
  type Story,
  type StoryEvent,
} from "../../../src/demo/pong/story.ts";

function told(...events: readonly StoryEvent[]): Story {
  return events.reduce(evolve, newStory(0));
}

const picture = (at: number, ...tookMs: readonly number[]): StoryEvent => ({
  kind: "picture",
  at,
  over: "fast_path",
  tookMs,
});

const path = (at: number, name: "fast_path" | "http_fallback", generation: number): StoryEvent => ({
  kind: "path",
  at,
  path: name,
  isNegotiating: false,
  generation,
});

test("an action counts for the tenth of a second in which it was sent, by the worst of it", () => {
  const { latencies } = told(picture(1_010, 2), picture(1_043, 9), picture(1_076, 3));
  expect(latencies).toEqual([{ at: 1_000, worstMs: 9, over: "fast_path" }]);
});

test("what waited through a freeze counts for the moments at which it was sent", () => {
  const { latencies } = told(picture(1_000, 1), picture(2_500, 1_400, 1_300, 900, 1));
  expect(latencies.map(({ at, worstMs }) => [at, worstMs])).toEqual([
    [900, 1],
    [1_100, 1_400],
    [1_200, 1_300],
    [1_600, 900],
    [2_400, 1],
  ]);
});

test("each regime answers for what was sent and renewed while it ruled", () => {
  const { tallies } = told(
    { kind: "mark", at: 500, mark: "refreshed" },
    { kind: "mark", at: 600, mark: "killed" },
    picture(900, 1, 1),
    { kind: "regime", at: 1_000, regime: "old" },
    { kind: "mark", at: 1_100, mark: "handshake" },
    picture(2_500, 1_700, 1_400, 20),
    { kind: "dropped", at: 2_600 },
  );
  expect(tallies).toEqual({
    ours: { renewals: 1, handshakes: 0, actions: 3, late: 1, longestMs: 1_700, dropped: 0 },
    old: { renewals: 1, handshakes: 1, actions: 2, late: 1, longestMs: 1_400, dropped: 1 },
  });
});

test("a path that stays is reported once, and each generation is another fast path", () => {
  const { paths, fastPaths } = told(
    path(10, "fast_path", 7),
    path(20, "fast_path", 7),
    path(30, "http_fallback", 7),
    path(40, "fast_path", 8),
  );
  expect(paths.map(({ at, value }) => `${at} ${value}`)).toEqual([
    "0 pending",
    "10 fast_path",
    "30 http_fallback",
    "40 fast_path",
  ]);
  expect(fastPaths).toBe(2);
});

test("a story that goes on for hours stays small, and knows what holds", () => {
  let story = newStory(0);
  for (let at = 0; at < 3_600_000; at += 2_000) {
    const isOdd = (at / 2_000) % 2 === 1;
    story = evolve(story, picture(at, 1, 2));
    story = evolve(story, { kind: "mark", at, mark: "refreshed" });
    story = evolve(story, path(at, isOdd ? "fast_path" : "http_fallback", at));
    story = evolve(story, { kind: "regime", at, regime: isOdd ? "old" : "ours" });
  }
  const most = rememberedMs / 2_000 + 3;
  for (const list of [story.latencies, story.marks, story.paths, story.regimes]) {
    expect(list.length).toBeGreaterThan(most - 6);
    expect(list.length).toBeLessThanOrEqual(most);
  }
});
