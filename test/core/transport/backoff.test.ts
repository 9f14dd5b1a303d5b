import { describe, expect, test } from "vitest";
import { defaultPolicy } from "../../../src/core/policy.ts";
import { backOff } from "../../../src/core/transport/backoff.ts";
import { given, type Step } from "../given.ts";
import {
  backsOffFor,
  event,
  happened,
  path,
  promoted,
  refreshed,
  sessionOf,
  startedHandshake,
  versionKept,
  versionRose,
} from "../outcomes.ts";
import {
  acquired,
  attached,
  closed,
  host,
  later,
  manager,
  onFastPath,
  ready,
  renegotiated,
  renewed,
  repeatedly,
  together,
  wait,
} from "../steps.ts";

describe("the delay", () => {
  const delays: readonly [failures: number, jitter: number, delayMs: number][] = [
    [1, 0.5, 1_000],
    [1, 0, 800],
    [1, 1, 1_200],
    [2, 0.5, 2_000],
    [3, 0.5, 4_000],
    [4, 0.5, 8_000],
    [5, 0.5, 16_000],
    [6, 0.5, 30_000],
    [6, 0, 24_000],
    [6, 1, 36_000],
    [1_000, 0.5, 30_000],
  ];
  test.each(delays)("after failure %i in a row, with chance %d, is %i ms", (n, jitter, delayMs) => {
    const before = { failures: n - 1, notBefore: 0 };
    expect(backOff(before, 100, jitter, defaultPolicy)).toEqual({
      failures: n,
      notBefore: 100 + delayMs,
    });
  });
});

/** A recovery is asked for and comes to nothing. */
const recoveryFails: Step = together(renewed("tile"), later(15_000));

describe("failed recoveries", () => {
  const neverUp: Step = together(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000));

  test("delay recoveries, each twice as long, and the moment is shown", () => {
    given(neverUp)
      .expect(backsOffFor(1_000), event({ kind: "NegotiationDelayed", which: "recoveries" }))
      .expect(versionRose)
      .when(wait(1_000), recoveryFails)
      .expect(backsOffFor(2_000))
      .when(wait(2_000), recoveryFails)
      .expect(backsOffFor(4_000));
  });

  test("the moment at which the delay ends is no change", () => {
    given(neverUp).when(later(1_000)).expect(happened(), versionKept, backsOffFor(0));
  });

  test("are forgiven when a promoted transport has been usable for 30 s, not before", () => {
    given(neverUp, wait(1_000), renewed("tile"), manager(ready))
      .when(repeatedly(1_000, 29_000, manager(ready)), later(999))
      .expect((world) => expect(sessionOf(world).transport.recoveries.failures).toBe(1))
      .when(later(1))
      .expect(happened("BackoffReset"), versionKept)
      .expect((world) => expect(sessionOf(world).transport.recoveries.failures).toBe(0));
  });

  test("go on counting when the transport dies before that", () => {
    given(neverUp, wait(1_000), renewed("tile"), manager(ready), manager(closed))
      .when(recoveryFails)
      .expect(backsOffFor(2_000));
  });

  test("usable means without a break: a recovery from lost restarts the 30 s", () => {
    given(neverUp, wait(1_000), renewed("tile"), manager(ready))
      .when(wait(20_000), manager({ ...ready, oldestUnackedMs: 15_001 }))
      .when(repeatedly(1_000, 4_000, manager(ready)))
      .expect(path("fast_path"))
      .when(repeatedly(1_000, 25_000, manager(ready)))
      .expect((world) => expect(sessionOf(world).transport.recoveries.failures).toBe(1))
      .when(repeatedly(1_000, 6_000, manager(ready)))
      .expect((world) => expect(sessionOf(world).transport.recoveries.failures).toBe(0));
  });
});

describe("early deaths", () => {
  const recovered: Step = together(renewed("tile"), manager(ready), host(ready));

  test("the first death is recovered from at once, however young the transport", () => {
    given(onFastPath(), manager(closed))
      .expect(happened("ReportReceived", "HealthChanged", "DiedEarly"), backsOffFor(0))
      .when(renewed("tile"))
      .expect(startedHandshake(2));
  });

  test("the second in a row within 30 s of a promotion counts as a failed recovery", () => {
    given(onFastPath(), manager(closed), recovered, wait(29_999), manager(closed))
      .expect(backsOffFor(1_000), path("http_fallback"))
      .when(renewed("tile"))
      .expect(refreshed)
      .when(wait(1_000), renewed("tile"))
      .expect(startedHandshake(3));
  });

  test("and each after it", () => {
    given(onFastPath(), manager(closed), recovered, manager(closed), wait(1_000), recovered)
      .when(manager(closed))
      .expect(backsOffFor(2_000))
      .when(wait(2_000), recovered, host(closed))
      .expect(backsOffFor(4_000));
  });

  test("a transport that lived for 30 s did not die early", () => {
    given(onFastPath(), manager(closed), recovered)
      .when(repeatedly(5_000, 30_000, manager(ready), host(ready)), manager(closed))
      .expect(backsOffFor(0), happened("ReportReceived", "HealthChanged"))
      .when(recovered, manager(closed))
      .expect(backsOffFor(0));
  });

  test("a death by time counts like one by report", () => {
    given(onFastPath(), manager(closed), recovered)
      .when(wait(1_000), manager({ ...ready, oldestUnackedMs: 6_000 }), later(4_000))
      .expect(event({ kind: "HealthChanged", reason: "acks_stalled" }))
      .expect(event({ kind: "DiedEarly" }), backsOffFor(1_000));
  });
});

describe("failed replacements", () => {
  const bothReady: Step = together(manager(ready, { of: 1 }), host(ready, { of: 1 }));
  const proven: Step = together(onFastPath(), repeatedly(5_000, 40_000, bothReady));
  const replacementFails: Step = together(
    renegotiated({ by: "tile", seen: 1 }),
    repeatedly(5_000, 15_000, bothReady),
  );

  test("delay replacements, each twice as long", () => {
    given(proven, replacementFails)
      .expect(backsOffFor(1_000))
      .when(wait(1_000), replacementFails)
      .expect(backsOffFor(2_000))
      .when(wait(2_000), replacementFails)
      .expect(backsOffFor(4_000), path("fast_path"), promoted(1, 1));
  });

  test("never delay a recovery", () => {
    given(proven, replacementFails, wait(1_000), replacementFails)
      .when(manager(closed, { of: 1 }))
      .expect(backsOffFor(0))
      .when(renewed("tile"))
      .expect(startedHandshake(4));
  });

  test("and failed recoveries delay no replacement", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000))
      .when(wait(1_000), renewed("tile"), later(15_000), manager(ready, { of: 1 }))
      .expect(promoted(1, 1), backsOffFor(0))
      .when(repeatedly(1_000, 10_000, manager(ready, { of: 1 })))
      .when(renegotiated({ by: "tile", seen: 1 }))
      .expect(startedHandshake(3));
  });

  test("one whose current dies meanwhile and that then fails was a failed recovery", () => {
    given(
      proven,
      renegotiated({ by: "tile", seen: 1 }),
      manager(closed, { of: 1 }),
      later(15_000),
    ).expect(event({ kind: "NegotiationDelayed", which: "recoveries" }), backsOffFor(1_000));
  });

  test("are forgiven once the transport has been usable for 30 s after the delay", () => {
    given(proven, replacementFails, wait(1_000))
      .when(repeatedly(1_000, 29_000, bothReady), later(999))
      .expect((world) => expect(sessionOf(world).transport.replacements.failures).toBe(1))
      .when(later(1))
      .expect((world) => expect(sessionOf(world).transport.replacements.failures).toBe(0))
      .expect(versionKept);
  });
});
