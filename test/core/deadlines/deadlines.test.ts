import { describe, expect, test } from "vitest";

import { given, type Step, start } from "../given.ts";
import { happened, nextDeadlineAt, nothingHappened, sessionOf } from "../outcomes.ts";
import {
  acquired,
  attached,
  closed,
  detached,
  disconnected,
  host,
  later,
  manager,
  noConnection,
  onFastPath,
  ready,
  released,
  renegotiated,
  renewed,
  together,
  unacked,
  wait,
} from "../steps.ts";

const day = 86_400_000;

describe("the next deadline", () => {
  const deadlines: readonly [string, Step, atMs: number][] = [
    ["of an idle session", attached(), day],
    ["of a tombstone", together(onFastPath(), detached()), 30 * day],
    [
      "is the first expiry",
      together(attached(), acquired("a"), acquired("b", { ttlMs: 9_000 })),
      9_000,
    ],
    ["is confirmBy", together(attached(), acquired("tile")), 15_000],
    ["is evidence getting stale", onFastPath(), 10_000],
    ["is silence becoming a death", together(onFastPath(), later(10_000)), 30_000],
    ["is slow acks becoming a stall", together(onFastPath(), manager(unacked(6_000))), 5_000],
    [
      "is a claim to have no connection coming to count",
      together(onFastPath(), wait(500), manager(noConnection, { by: "new" })),
      3_000,
    ],
    [
      "is the end of a linger",
      together(onFastPath(), renegotiated({ reason: "operator" }), manager(ready), host(ready)),
      5_000,
    ],
    [
      "is the end of an abandonment",
      together(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000)),
      75_000,
    ],
    [
      "after a death is the lease's end: nobody is waited for",
      together(onFastPath(), manager(closed)),
      300_000,
    ],
    [
      "is idleness once no lease lives",
      together(attached(), acquired("a"), later(15_000), released("a"), later(60_000)),
      day + 15_000,
    ],
  ];
  test.each(deadlines)("%s", (_, steps, atMs) => {
    given(steps).expect(nextDeadlineAt(atMs));
  });

  test("is never the end of a back-off: a moment that merely passes is no change", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000), later(60_000)).expect(
      nextDeadlineAt(300_000),
    );
  });

  test("is the proof of a transport while there is something to forgive", () => {
    given(onFastPath(), manager(closed), renewed("tile"), manager(ready))
      .when(later(5_000), wait(20_000), manager(ready))
      .expect(nextDeadlineAt(30_000));
  });
});

describe("what is due", () => {
  test("is applied in order of time, each deadline at its own moment", () => {
    given(attached(), acquired("tile", { ttlMs: 20_000 }), manager(disconnected))
      .when(later(day + 30 * 60_000))
      .expect(
        happened(
          "HandshakeAbandoned",
          "NegotiationDelayed",
          "LeaseEnded",
          "HandshakeRetired",
          "SessionDetached",
        ),
        ({ last }) =>
          expect(last.decision.events.map((event) => event.at - start)).toEqual([
            15_000,
            15_000,
            20_000,
            75_000,
            day + 20_000,
          ]),
      );
  });

  test("has the same result in one step as in many", () => {
    const story: Step = together(
      onFastPath(),
      acquired("agent"),
      renegotiated({ reason: "operator" }),
    );
    given(story, later(200_000)).expect((once) =>
      given(story).expect((often) => {
        for (let passed = 0; passed < 200_000; passed += 500) later(500)(often);
        expect(sessionOf(often)).toEqual(sessionOf(once));
      }),
    );
  });

  test("is applied before a command, and stays applied when the command is refused", () => {
    given(attached(), acquired("tile", { ttlMs: 5_000 }), wait(5_000), renewed("tile"))
      .expect(happened("LeaseEnded"))
      .when(renewed("tile"))
      .expect(nothingHappened);
  });

  test("on nothing is nothing", () => {
    given(later(day)).expect(nothingHappened);
  });
});
