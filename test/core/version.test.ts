import { describe, expect, test } from "vitest";

import { given, type Step } from "./given.ts";
import {
  backsOffFor,
  happened,
  lastChange,
  sessionOf,
  versionKept,
  versionRose,
} from "./outcomes.ts";
import {
  acquired,
  attached,
  checked,
  closed,
  connecting,
  disconnected,
  handshakeChecked,
  host,
  later,
  manager,
  onFastPath,
  onFastPathByManagerAlone,
  policy,
  ready,
  released,
  renegotiated,
  renewed,
  repeatedly,
  revoked,
  stalled,
  together,
  unacked,
  wait,
} from "./steps.ts";

type Said = Parameters<typeof lastChange>;

describe("the version of what is shown", () => {
  const rises: readonly [string, before: Step, Step, Said][] = [
    ["a grant", attached(), acquired("tile"), ["negotiation_started", "acquired"]],
    ["a second grant", onFastPath(), acquired("agent"), ["leases_changed", "granted"]],
    ["a release", onFastPath(), released("tile"), ["leases_changed", "released"]],
    ["a revocation", onFastPath(), revoked(), ["leases_changed", "revoked"]],
    [
      "an expiry",
      together(onFastPath(), acquired("agent", { ttlMs: 5_000 }), wait(5_000)),
      later(0),
      ["leases_changed", "expired"],
    ],
    [
      "a handshake that starts",
      onFastPath(),
      renegotiated({ reason: "operator" }),
      ["negotiation_started", "operator"],
    ],
    [
      "a promotion",
      together(attached(), acquired("tile")),
      manager(ready),
      ["promoted", "confirmed"],
    ],
    [
      "an abandonment",
      together(attached(), acquired("tile"), wait(15_000)),
      later(0),
      ["negotiation_abandoned", "confirm_timeout"],
    ],
    ["a death", onFastPath(), manager(closed), ["health_changed", "connection_closed"]],
    ["silence", together(onFastPath(), wait(10_000)), later(0), ["health_changed", "silent"]],
    [
      "the end of a linger",
      together(
        onFastPath(),
        renegotiated({ reason: "operator" }),
        manager(ready),
        host(ready),
        wait(5_000),
      ),
      later(0),
      ["retired", "linger_over"],
    ],
    [
      "another connection of an end",
      onFastPath(),
      manager(ready, { transport: "second" }),
      ["promoted", "confirmed"],
    ],
    [
      "a deadline that a gap moved",
      together(attached(), acquired("tile"), stalled(2_000)),
      later(0),
      ["negotiation_started", "acquired"],
    ],
  ];
  test.each(rises)("Current: rises with %s", (_, before, step, said) => {
    given(before)
      .when(step)
      .expect(versionRose, lastChange(...said));
  });

  const quiet: readonly [string, before: Step, Step][] = [
    ["a renewal", onFastPath(), renewed("tile")],
    ["a longer ttl", onFastPath(), renewed("tile", { ttlMs: 300_000 })],
    ["a check", onFastPath(), checked("tile")],
    ["a handshake check", onFastPath(), handshakeChecked(1)],
    ["a repeated word", together(onFastPath(), wait(1_000)), manager(ready)],
    ["acks that wait a little", onFastPath(), manager(unacked(100))],
    ["a word on one in flight", together(attached(), acquired("tile")), manager(connecting)],
    ["a word on one unknown", onFastPath(), manager(ready, { of: "from elsewhere" })],
    ["another attach", onFastPath(), attached({ managerUrl: "http://manager-2" })],
    ["a hold that is lifted", together(onFastPath(), revoked()), revoked([], 0)],
    [
      "the end of a back-off",
      together(attached(), acquired("tile", { ttlMs: 60_000 }), later(15_000), wait(1_000)),
      later(0),
    ],
    ["a gap over a quiet path", together(onFastPath(), stalled(2_000)), later(0)],
    [
      "the proof of a transport",
      together(
        onFastPathByManagerAlone(),
        manager(closed),
        renewed("tile"),
        repeatedly(5_000, 25_000, manager(ready)),
        wait(5_000),
      ),
      manager(ready),
    ],
  ];
  test.each(quiet)("Ordered: stays with %s", (_, before, step) => {
    given(before).when(step).expect(versionKept);
  });
});

describe("a delay that a second failure does not prolong", () => {
  test("Current: raises the version no second time", () => {
    const lostByTheSecond = (which: number): Step =>
      together(
        renegotiated({ reason: "operator" }),
        later(15_000),
        manager(ready, { of: which }),
        manager(closed, { of: which }),
      );
    // Abandoned, promoted late and dead at once, twice: both failures delay until the same moment.
    given(policy({ backoffMsMax: 1_000 }), attached({ hostReports: true }))
      .when(lostByTheSecond(1), lostByTheSecond(2))
      .expect(
        backsOffFor(1_000),
        happened("ReportReceived", "HealthChanged", "DiedEarly", "NegotiationDelayed"),
      );
  });
});

describe("the lease version", () => {
  const steps: readonly [string, Step, by: number][] = [
    ["a grant", acquired("agent"), 1],
    ["a release", released("tile"), 1],
    ["a revocation of two", together(acquired("agent"), revoked()), 3],
    ["a renewal", renewed("tile"), 0],
    ["acquiring one's own again", acquired("tile"), 0],
    ["a change of health", manager(disconnected), 0],
    ["a handshake", renegotiated({ reason: "operator" }), 0],
    ["a gap", together(stalled(5_000), later(0)), 0],
  ];
  test.each(steps)("after %s has moved by the leases granted and ended", (_, step, by) => {
    given(onFastPath()).expect((world) => {
      const before = sessionOf(world).leases.version;
      step(world);
      expect(sessionOf(world).leases.version - before).toBe(by);
    });
  });
});
