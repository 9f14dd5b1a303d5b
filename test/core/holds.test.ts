import { describe, expect, test } from "vitest";

import { given } from "./given.ts";
import {
  accepted,
  ended,
  event,
  happened,
  liveLeases,
  nothingHappened,
  promoted,
  refreshed,
  refused,
  sessionOf,
} from "./outcomes.ts";
import {
  acquired,
  attached,
  detached,
  manager,
  onFastPath,
  policy,
  ready,
  renegotiated,
  renewed,
  revoked,
  wait,
} from "./steps.ts";

const day = 86_400_000;

describe("revoking all leases", () => {
  test("ends them at once and touches neither transport nor negotiation", () => {
    given(onFastPath(), acquired("agent"), renegotiated({ reason: "operator" })).expect((world) => {
      const { transport } = sessionOf(world);
      revoked()(world);
      accepted({ revoked: 2 })(world);
      happened("LeaseEnded", "LeaseEnded", "HoldPlaced")(world);
      ended("tile", "revoked")(world);
      ended("agent", "revoked")(world);
      expect(sessionOf(world).transport).toBe(transport);
    });
  });

  const holds: readonly [asked: number | undefined, held: number][] = [
    [undefined, 60_000],
    [1, 1],
    [5_000, 5_000],
    [day, day],
    [day + 1, day],
  ];
  test.each(holds)("a hold of %s ms lasts %i ms, exclusive", (asked, held) => {
    given(attached(), acquired("tile"), revoked([], asked))
      .when(acquired("tile"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: held }), nothingHappened)
      .when(policy({ sessionIdleMs: 2 * day }), wait(held - 1), acquired("anything"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: 1 }))
      .when(wait(1), acquired("tile"))
      .expect(accepted());
  });

  test("a hold of zero is none", () => {
    given(attached(), acquired("tile"))
      .when(revoked([], 0))
      .expect(accepted({ revoked: 1 }), happened("LeaseEnded"))
      .when(acquired("tile"))
      .expect(accepted());
  });

  test("and lifts every hold that is on, also one on a single lease", () => {
    given(attached(), acquired("tile"), revoked(["tile"]), revoked())
      .when(revoked([], 0))
      .expect(accepted({ revoked: 0 }), happened("HoldsLifted"))
      .when(acquired("tile"))
      .expect(accepted());
  });

  test("repeated: what has ended is not counted again, the hold starts anew", () => {
    given(attached(), acquired("tile"), revoked(), wait(30_000))
      .when(revoked())
      .expect(accepted({ revoked: 0 }), event({ kind: "HoldPlaced" }))
      .when(wait(59_999), acquired("tile"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: 1 }));
  });

  test("a later lease finds the fast path as it was", () => {
    given(onFastPath(), revoked([], 1_000), manager(ready))
      .when(wait(1_000), acquired("tile"))
      .expect(refreshed, promoted(1, 1));
  });
});

describe("revoking some leases", () => {
  test("ends only those, and holds only their account and reason", () => {
    given(attached(), acquired("tile"), acquired("agent"))
      .when(revoked(["tile"]))
      .expect(accepted({ revoked: 1 }), liveLeases("agent"))
      .when(acquired("tile"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: 60_000 }))
      .when(acquired("tile of another", { reason: "tile", account: "account-2" }))
      .expect(accepted())
      .when(acquired("another"))
      .expect(accepted());
  });

  test("ids that are not live are passed over", () => {
    given(attached(), acquired("tile"))
      .when(revoked(["no lease"]))
      .expect(accepted({ revoked: 0 }), nothingHappened, liveLeases("tile"));
  });

  test("leases that stay live can be renewed, also by acquiring them again, under any hold", () => {
    given(attached(), acquired("tile"), acquired("agent"), revoked(["tile"]))
      .when(renewed("agent"))
      .expect(accepted())
      .when(acquired("agent"))
      .expect(accepted(), happened("LeaseExtended"));
  });
});

describe("holds", () => {
  test("outlive a detach", () => {
    given(attached(), acquired("tile"), revoked(), detached(), attached())
      .when(acquired("tile"))
      .expect(refused("REVOKED"));
  });

  test("are bounded: holds on single leases are refused when too many stand", () => {
    given(policy({ holdsMax: 2 }), attached(), acquired("a"), acquired("b"), acquired("c"))
      .when(revoked(["a", "b"]))
      .expect(accepted({ revoked: 2 }))
      .when(revoked(["c"]))
      .expect(refused({ reason: "TOO_MANY", what: "holds", retryAfterMs: 60_000 }), liveLeases("c"))
      .when(revoked(["c"], 0))
      .expect(accepted({ revoked: 1 }));
  });

  test("the emergency stop works however many stand", () => {
    given(policy({ holdsMax: 2 }), attached(), acquired("a"), acquired("b"), acquired("c"))
      .when(revoked(["a", "b"]), revoked())
      .expect(accepted({ revoked: 1 }), liveLeases());
  });

  test("that have passed make room", () => {
    given(policy({ holdsMax: 1 }), attached(), acquired("a"), acquired("b"), revoked(["a"], 1_000))
      .when(wait(1_000), revoked(["b"]))
      .expect(accepted({ revoked: 1 }))
      .expect((world) => expect(sessionOf(world).leases.holds).toHaveLength(1));
  });

  test("there is nothing to revoke where no session is known", () => {
    given().when(revoked()).expect(refused("SESSION_UNKNOWN"));
    given(attached(), detached()).when(revoked()).expect(refused("SESSION_UNKNOWN"));
  });
});
