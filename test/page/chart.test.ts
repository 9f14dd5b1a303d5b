import { describe, expect, it } from "vitest";

import { chartOf } from "../../src/page/model/chart.ts";
import { takeState } from "../../src/page/model/session-record.ts";
import { storyOf } from "../../src/page/model/story.ts";
import { emptyTimeline, type Timeline } from "../../src/page/model/timeline.ts";
import { dead, usable } from "./states.ts";

const window = { fromMs: 100_000, toMs: 200_000 };

const timeline: Timeline = {
  bars: [
    {
      handshakeId: "a",
      lane: 0,
      phases: [
        { phase: "healthy", fromMs: 50_000 },
        { phase: "lingering", fromMs: 150_000 },
      ],
      endMs: 156_250,
      ending: "retired",
    },
    { handshakeId: "b", lane: 1, phases: [{ phase: "negotiating", fromMs: 140_000 }] },
  ],
  paths: [
    { path: "pending", fromMs: 10_000 },
    { path: "fast_path", fromMs: 50_000 },
  ],
  marks: [
    { kind: "renewed", atMs: 90_000 },
    { kind: "renewed", atMs: 120_000 },
  ],
};

describe("The chart of a timeline", () => {
  const chart = chartOf(timeline, [{ fromMs: 0, untilMs: 110_000 }, { fromMs: 190_000 }], window);

  it("places bars in percent of its width, cut at its edges", () => {
    expect(chart.phases.map(({ phase, lane, x, width }) => [phase, lane, x, width])).toEqual([
      ["healthy", 0, 0, 50],
      ["lingering", 0, 50, 6.25],
      ["negotiating", 1, 40, 60],
    ]);
  });

  it("leaves out what lies before it", () => {
    expect(chart.paths).toEqual([{ path: "fast_path", x: 0, width: 100 }]);
    expect(chart.marks).toEqual([{ kind: "renewed", x: 20 }]);
  });

  it("shows when the page saw nothing, unless that was too brief to miss anything", () => {
    expect(chart.unseen).toEqual([
      { x: 0, width: 10 },
      { x: 90, width: 10 },
    ]);
    expect(chartOf(timeline, [{ fromMs: 150_000, untilMs: 150_500 }], window).unseen).toEqual([]);
  });

  it("has room for two lanes, and never loses a phase that is short", () => {
    const brief = chartOf(
      {
        ...emptyTimeline,
        bars: [
          {
            handshakeId: "a",
            lane: 0,
            phases: [{ phase: "healthy", fromMs: 150_000 }],
            endMs: 150_001,
            ending: "retired",
          },
        ],
      },
      [],
      window,
    );
    expect(brief.lanes).toBe(2);
    expect(brief.phases[0]?.width).toBeGreaterThan(0.1);
  });
});

describe("The story of a timeline", () => {
  const at = (second: number) => ({ nowMs: second * 1000, skewMs: 0 });
  const first = takeState(undefined, usable("s", "a"), at(10));

  it("describes an overlap", () => {
    const during = takeState(
      first,
      usable("s", "a", { negotiation: { handshakeId: "b" } }),
      at(20),
    );
    expect(storyOf(during, 22_000)).toBe(
      "Fast path for 12 s as far as this page has seen. A handshake is being negotiated.",
    );
    const done = takeState(during, usable("s", "b"), at(26));
    expect(storyOf(done, 30_000)).toBe(
      "Fast path for 20 s as far as this page has seen. Replaced 4.0 s ago, with no gap: both handshakes overlapped for 6.0 s.",
    );
  });

  it("describes a gap", () => {
    const lost = takeState(first, dead("s", "a"), at(20));
    const done = takeState(lost, usable("s", "b"), at(32));
    expect(storyOf(done, 33_000)).toBe(
      "Fast path for 1.0 s as far as this page has seen. Replaced 1.0 s ago, after 12 s without a fast path.",
    );
  });
});
