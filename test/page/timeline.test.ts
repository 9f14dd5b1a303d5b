import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";

import {
  TransportChange,
  TransportHealth,
  type TransportState,
} from "../../src/gen/beach/controller/v1/transport_pb.js";
import { replacementsIn } from "../../src/page/model/replacements.ts";
import {
  emptyTimeline,
  endTimeline,
  followState,
  type Timeline,
  withMarks,
} from "../../src/page/model/timeline.ts";
import { dead, stateOf, usable } from "./states.ts";

const minute = 60_000;

/** What a page sees that is told of each state at its second. */
function seen(...states: readonly (readonly [second: number, state: TransportState])[]): Timeline {
  let timeline = emptyTimeline;
  for (const [second, state] of states) {
    timeline = followState(timeline, state, { nowMs: second * 1000, skewMs: 0 });
  }
  return timeline;
}

const negotiating = (handshakeId: string) => ({ negotiation: { handshakeId } });
const lingering = (handshakeId: string) => ({ lingering: { handshakeId } });

const madeBeforeBroken = seen(
  [10, usable("s", "a")],
  [20, usable("s", "a", negotiating("b"))],
  [26, usable("s", "b", lingering("a"))],
  [31, usable("s", "b", { lastChange: TransportChange.RETIRED })],
);

const brokenBeforeMade = seen(
  [10, usable("s", "a")],
  [20, dead("s", "a")],
  [23, dead("s", "a", negotiating("b"))],
  [29, usable("s", "b", lingering("a"))],
  [34, usable("s", "b", { lastChange: TransportChange.RETIRED })],
);

describe("The timeline of a session", () => {
  it("shows a replacement as two bars that overlap, in lanes of their own", () => {
    const [before, after] = madeBeforeBroken.bars;
    expect(before).toEqual({
      handshakeId: "a",
      lane: 0,
      phases: [
        { phase: "healthy", fromMs: 10_000 },
        { phase: "lingering", fromMs: 26_000 },
      ],
      endMs: 31_000,
      ending: "retired",
    });
    expect(after).toEqual({
      handshakeId: "b",
      lane: 1,
      phases: [
        { phase: "negotiating", fromMs: 20_000 },
        { phase: "healthy", fromMs: 26_000 },
      ],
    });
    expect(madeBeforeBroken.paths).toEqual([{ path: "fast_path", fromMs: 10_000 }]);
    expect(replacementsIn(madeBeforeBroken)).toEqual([
      { handshakeId: "b", atMs: 26_000, overlapMs: 11_000, gapMs: 0 },
    ]);
  });

  it("shows a fast path that died first as a gap", () => {
    expect(brokenBeforeMade.bars[0]?.phases.map(({ phase }) => phase)).toEqual(["healthy", "lost"]);
    expect(brokenBeforeMade.paths).toEqual([
      { path: "fast_path", fromMs: 10_000 },
      { path: "http_fallback", fromMs: 20_000 },
      { path: "fast_path", fromMs: 29_000 },
    ]);
    expect(replacementsIn(brokenBeforeMade)).toEqual([
      { handshakeId: "b", atMs: 29_000, overlapMs: 0, gapMs: 9_000 },
    ]);
  });

  it("says that a handshake was given up when it ends before it carried anything", () => {
    const { bars } = seen(
      [10, usable("s", "a", negotiating("b"))],
      [25, usable("s", "a", { lastChange: TransportChange.NEGOTIATION_ABANDONED })],
    );
    expect(bars.map(({ handshakeId, ending }) => [handshakeId, ending])).toEqual([
      ["a", undefined],
      ["b", "abandoned"],
    ]);
  });

  it("gives the lane of a handshake that ended to the next one", () => {
    const { bars } = seen(
      [10, usable("s", "a", negotiating("b"))],
      [20, usable("s", "a")],
      [30, usable("s", "a", negotiating("c"))],
    );
    expect(bars.map(({ handshakeId, lane }) => [handshakeId, lane])).toEqual([
      ["a", 0],
      ["b", 1],
      ["c", 1],
    ]);
  });

  it("shows a handshake that was given up and wins after all", () => {
    const { bars } = seen(
      [10, stateOf("s", negotiating("a"))],
      [25, stateOf("s", { lastChange: TransportChange.NEGOTIATION_ABANDONED })],
      [28, usable("s", "a")],
    );
    expect(bars.map(({ phases, ending }) => [phases[0].phase, ending])).toEqual([
      ["negotiating", "abandoned"],
      ["healthy", undefined],
    ]);
  });

  it("begins where the service says that a handshake was promoted, by the page's clock", () => {
    const promotedAt = timestampFromMs(1_000_000);
    const state = usable("s", "a", { promotedAt });
    const heard = { nowMs: 50_000, skewMs: 960_000 };
    const { bars } = followState(emptyTimeline, state, heard);
    expect(bars[0]?.phases).toEqual([{ phase: "healthy", fromMs: 40_000 }]);
    // A clock that is ahead of what was just heard puts nothing into the future.
    const behind = followState(emptyTimeline, state, { nowMs: 50_000, skewMs: 0 });
    expect(behind.bars[0]?.phases).toEqual([{ phase: "healthy", fromMs: 50_000 }]);
  });

  it("notes each change of health, and nothing where there is none", () => {
    const degraded = { health: TransportHealth.DEGRADED };
    const { bars } = seen(
      [1, usable("s", "a")],
      [2, usable("s", "a")],
      [3, usable("s", "a", degraded)],
      [6, usable("s", "a")],
    );
    expect(bars[0]?.phases.map(({ phase, fromMs }) => [phase, fromMs])).toEqual([
      ["healthy", 1000],
      ["degraded", 3000],
      ["healthy", 6000],
    ]);
  });

  it("ends with its session", () => {
    const { bars } = endTimeline(seen([1, usable("s", "a")]), 5000);
    expect(bars[0]).toMatchObject({ endMs: 5000, ending: "detached" });
  });

  it("forgets what ended long ago, and nothing that lasts", () => {
    const nowMs = 60 * minute;
    const later = followState(brokenBeforeMade, usable("s", "b"), { nowMs, skewMs: 0 });
    expect(later.bars.map(({ handshakeId }) => handshakeId)).toEqual(["b"]);
    expect(later.paths).toEqual([{ path: "fast_path", fromMs: 29_000 }]);
    const marked = withMarks(later, [{ kind: "renewed", atMs: nowMs }], nowMs);
    expect(withMarks(marked, [{ kind: "ended", atMs: 2 * nowMs }], 2 * nowMs).marks).toEqual([
      { kind: "ended", atMs: 2 * nowMs },
    ]);
  });
});
