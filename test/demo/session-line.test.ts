import { expect, test } from "vitest";

import type { AppliedCounters, StateSeen } from "../../src/demo/beach/messages.ts";
import { headLine, SessionLine } from "../../src/demo/session-line.ts";

const counters: AppliedCounters = {
  applied: 30,
  lastApplied: 30,
  missing: 2,
  duplicates: 0,
  overFastPath: 30,
  overHttp: 0,
  largestGapMs: 36,
};

function state(change: Partial<StateSeen>): StateSeen {
  return {
    kind: "state",
    sessionId: "left",
    path: "FAST_PATH",
    health: "HEALTHY",
    generation: 1,
    handshakeId: "h1",
    negotiating: "",
    change: "",
    reason: "",
    liveLeases: 1,
    ...change,
  };
}

test("a line stands under its heads, also when the host does not answer", () => {
  const line = new SessionLine("left");
  line.managerReported(state({}));
  expect([headLine(), line.render(7, counters), line.render(8, undefined)]).toEqual([
    "   s  session     path                  fast paths  actions/s  lost  gap ms  renewals  refreshed  renegotiated",
    "   7  left        fast path, healthy             1         30     2      36         0          0             0",
    "   8  left        fast path, healthy             1  host away                       0          0             0",
  ]);
});

test("actions count since the previous line, and from zero for a restarted host", () => {
  const line = new SessionLine("left");
  const rates = [30, 61, 20].map((applied) =>
    Number(line.render(1, { ...counters, applied }).slice(50, 61)),
  );
  expect(rates).toEqual([30, 31, 20]);
});

test.each([
  ["none yet", { path: "PENDING", health: "UNSPECIFIED" }],
  ["fast path, stale", { health: "STALE" }],
  ["fast path, replacing", { negotiating: "h2" }],
  ["HTTP ", { path: "HTTP_FALLBACK", health: "LOST" }],
  ["HTTP, negotiating", { path: "HTTP_FALLBACK", health: "LOST", negotiating: "h2" }],
])("the path reads %s", (words, change) => {
  const line = new SessionLine("left");
  line.managerReported(state(change));
  expect(line.render(1, counters)).toContain(words);
});

test("losing, finding and changing the fast path is news, and nothing else is", () => {
  const line = new SessionLine("left");
  const lost = { path: "HTTP_FALLBACK", health: "LOST", reason: "end_restarted" };
  const received = [
    state({ path: "PENDING", generation: 0 }),
    state({}),
    state({ health: "DEGRADED" }),
    state({ sessionId: "right", ...lost }),
    state(lost),
    state({ ...lost, negotiating: "h2" }),
    state({ generation: 2 }),
    state({ generation: 3 }),
  ].map((event) => line.managerReported(event));
  expect(received.filter((news) => news !== undefined)).toEqual([
    "it is on a fast path",
    "its fast path is lost (end restarted); actions go over HTTP",
    "it is on a fast path",
    "another fast path has taken over",
  ]);
});
