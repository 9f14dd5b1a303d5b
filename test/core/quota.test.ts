import { describe, expect, test } from "vitest";

import { nextDeadline } from "../../src/core/deadlines/deadline.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import { given, start } from "./given.ts";
import { accepted, nothingHappened, refused } from "./outcomes.ts";
import { acquired, attached, detached, onFastPath, populated, renewed } from "./steps.ts";

const { sessionsPerBeachMax, sessionsMax, attachesPerMinuteMax, leasesPerBeachMax } = defaultPolicy;

describe("what callers may create", () => {
  test.each([
    ["beach_sessions", { sessionsAtBeach: sessionsPerBeachMax }],
    ["sessions", { sessions: sessionsMax }],
    ["attaches", { attachedLately: attachesPerMinuteMax }],
  ] as const)("no session is attached beyond the limit of %s", (what, population) => {
    const refusal = { reason: "TOO_MANY", what, retryAfterMs: 30_000 } as const;
    given(populated(population)).when(attached()).expect(refused(refusal), nothingHappened);
    given(populated(population))
      .when(acquired("tile", { passcode: true }))
      .expect(refused(refusal), nothingHappened);
    given(attached(), detached(), populated(population)).when(attached()).expect(refused(refusal));
  });

  test("the last session that fits is attached, and attaching it again is not counted", () => {
    given(populated({ sessionsAtBeach: sessionsPerBeachMax - 1 }))
      .when(attached())
      .expect(accepted());
    given(attached(), populated({ sessionsAtBeach: sessionsPerBeachMax, sessions: sessionsMax }))
      .when(attached({ hostReports: true }))
      .expect(accepted());
  });

  test("no lease is granted beyond the limit of a beach, and live ones are renewed", () => {
    const full = populated({ leasesAtBeach: leasesPerBeachMax });
    given(attached(), full)
      .when(acquired("tile"))
      .expect(refused({ reason: "TOO_MANY", what: "beach_leases", retryAfterMs: 30_000 }));
    given(attached(), acquired("tile"), full).when(renewed("tile")).expect(accepted());
    given(attached(), acquired("tile"), full).when(acquired("tile")).expect(accepted());
  });
});

describe("a tombstone", () => {
  test("of a session that never had a fast path lasts an hour, of any other thirty days", () => {
    const lasts =
      (days: number) => (world: { record: Parameters<typeof nextDeadline>[0] | undefined }) => {
        const { record } = world;
        if (record === undefined) throw new Error("there is no tombstone");
        expect(nextDeadline(record, defaultPolicy)).toBe(start + days * 86_400_000);
      };
    given(attached(), acquired("tile"), detached()).expect(lasts(1 / 24));
    given(onFastPath(), detached()).expect(lasts(30));
  });
});
