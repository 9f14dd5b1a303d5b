import { describe, expect, test } from "vitest";

import { type Check, given, type Step } from "../given.ts";
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
} from "../outcomes.ts";
import {
  absent,
  acquired,
  attached,
  detached,
  manager,
  onFastPath,
  policy,
  ready,
  released,
  renegotiated,
  renewed,
  revoked,
  together,
  wait,
} from "../steps.ts";

const day = 86_400_000;

/** As an earlier version recorded it, which did not note what a lease had been held under. */
const keysForgotten: Step = (world) => {
  const session = sessionOf(world);
  const ended = session.leases.ended.map((lease) => ({ ...lease, key: undefined }));
  world.record = { ...session, leases: { ...session.leases, ended } };
};

function holds(count: number): Check {
  return (world) => expect(sessionOf(world).leases.holds).toHaveLength(count);
}

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

  const lengths: readonly [asked: number | undefined, held: number][] = [
    [undefined, 60_000],
    [1, 1],
    [5_000, 5_000],
    [day, day],
    [day + 1, day],
  ];
  test.each(lengths)("a hold of %s ms lasts %i ms, exclusive", (asked, held) => {
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

  test("and lifts every hold in force, also one on a single lease", () => {
    given(attached(), acquired("tile"), revoked(["tile"]), revoked())
      .when(revoked([], 0))
      .expect(accepted({ revoked: 0 }), happened("HoldsLifted"))
      .when(acquired("tile"))
      .expect(accepted());
  });

  test("repeated: an ended lease is not counted again, and the hold starts anew", () => {
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
  test("ends only the named leases, and holds only their account and reason", () => {
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

  test("an id that the session does not remember revokes nothing, and is counted", () => {
    given(attached(), acquired("tile"))
      .when(revoked(["no lease", "no lease", "another"]))
      .expect(accepted({ revoked: 0, unknown: 2 }), nothingHappened, liveLeases("tile"));
  });

  const ends: readonly [string, Step][] = [
    ["expired", wait(30_000)],
    ["was released", released("tile")],
    ["was revoked without a hold", revoked(["tile"], 0)],
  ];
  test.each(ends)(
    "a lease that %s between the list and the call is held all the same",
    (_, end) => {
      given(attached(), acquired("tile"), end)
        .when(revoked(["tile"]))
        .expect(accepted({ revoked: 0, unknown: 0, sessionHeld: false }))
        .when(acquired("tile"))
        .expect(refused({ reason: "REVOKED", retryAfterMs: 60_000 }))
        .when(acquired("another"))
        .expect(accepted());
    },
  );

  test("a lease that took the place of the named one ends with it, unless nothing is held", () => {
    const listed = "listed";
    const again = together(released(listed), acquired("again", { reason: listed }));
    given(attached(), acquired(listed), again)
      .when(revoked([listed], 0))
      .expect(accepted({ revoked: 0 }), liveLeases(listed))
      .when(revoked([listed]))
      .expect(accepted({ revoked: 1 }), liveLeases(), ended("again", "revoked"));
  });

  test("a lease that ended before its key was recorded is held by way of the session", () => {
    given(attached(), acquired("tile"), released("tile"), keysForgotten)
      .when(revoked(["tile"]))
      .expect(accepted({ revoked: 0, unknown: 0, sessionHeld: true }))
      .when(acquired("tile"))
      .expect(refused("REVOKED"));
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

  test("are bounded: where there is no room for another, the whole session is held", () => {
    given(policy({ holdsMax: 2 }), attached(), acquired("a"), acquired("b"), acquired("c"))
      .when(revoked(["a", "b"]))
      .expect(accepted({ revoked: 2, sessionHeld: false }))
      .when(wait(10_000), revoked(["c"], 20_000))
      .expect(accepted({ revoked: 1, sessionHeld: true }), liveLeases(), holds(3))
      .when(acquired("anything"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: 20_000 }))
      .when(wait(20_000), acquired("anything"))
      .expect(accepted())
      .when(acquired("a"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: 30_000 }));
  });

  test("that cover the session for lack of room do not shorten one in force", () => {
    given(policy({ holdsMax: 1 }), attached(), acquired("a"), acquired("b"), revoked(["a"]))
      .when(revoked([], 50_000), revoked(["b"], 1_000))
      .expect(accepted({ sessionHeld: true }))
      .when(acquired("b"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: 50_000 }));
  });

  test("are replaced by a new one on the same subject, however many stand", () => {
    given(policy({ holdsMax: 2 }), attached(), acquired("a"), acquired("b"), revoked(["a", "b"]))
      .when(wait(30_000), revoked(["a", "b"]))
      .expect(accepted({ revoked: 0, sessionHeld: false }), holds(2))
      .when(acquired("a"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: 60_000 }));
  });

  test("that overlap are waited out together", () => {
    given(attached(), acquired("tile"), revoked(["tile"], 10_000), revoked([], 50_000))
      .when(acquired("tile"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: 50_000 }));
  });

  test("the emergency stop works, however many leases are live", () => {
    given(policy({ holdsMax: 2 }), attached(), acquired("a"), acquired("b"), acquired("c"))
      .when(revoked(["a", "b"]), revoked())
      .expect(accepted({ revoked: 1 }), liveLeases());
  });

  test("last as long as asked, whatever gap lies between", () => {
    given(attached(), acquired("tile"), revoked(), wait(20_000), absent(26 * 365 * day))
      .when(acquired("tile"))
      .expect(refused({ reason: "REVOKED", retryAfterMs: 40_000 }));
  });

  test("that have passed make room", () => {
    given(policy({ holdsMax: 1 }), attached(), acquired("a"), acquired("b"), revoked(["a"], 1_000))
      .when(wait(1_000), revoked(["b"]))
      .expect(accepted({ revoked: 1 }))
      .expect((world) => expect(sessionOf(world).leases.holds).toHaveLength(1));
  });

  test("an unknown session has nothing to revoke", () => {
    given().when(revoked()).expect(refused("SESSION_UNKNOWN"));
    given(attached(), detached()).when(revoked()).expect(refused("SESSION_UNKNOWN"));
  });
});
