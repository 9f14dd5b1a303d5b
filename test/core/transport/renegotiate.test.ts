import { describe, expect, test } from "vitest";

import { given, type Step } from "../given.ts";
import {
  accepted,
  backsOffFor,
  currentIn,
  health,
  inFlight,
  joinedHandshake,
  nothingHappened,
  path,
  promoted,
  refreshed,
  refused,
  sessionOf,
  startedHandshake,
} from "../outcomes.ts";
import {
  acquired,
  at,
  attached,
  closed,
  detached,
  host,
  later,
  manager,
  negotiationsElsewhere,
  onFastPath,
  ready,
  released,
  renegotiated,
  repeatedly,
  together,
  wait,
} from "../steps.ts";

const proven: Step = together(onFastPath(), repeatedly(5_000, 30_000, manager(ready), host(ready)));

describe("in order", () => {
  test("a lease that is not live is refused before anything else", () => {
    given(proven, released("tile"))
      .when(renegotiated({ by: "tile", seen: 0 }))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "released" }))
      .when(renegotiated({ by: "nobody", reason: "operator" }))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "unknown" }));
  });

  test("a generation below the current one is past: refresh", () => {
    given(proven)
      .when(renegotiated({ by: "tile", seen: 0 }))
      .expect(refreshed, nothingHappened);
  });

  test("past is past even while one is in flight, and for operators", () => {
    given(proven, renegotiated({ by: "tile", seen: 1 }))
      .when(renegotiated({ by: "tile", seen: 0 }))
      .expect(refreshed)
      .when(renegotiated({ reason: "operator", seen: 0 }))
      .expect(refreshed);
  });

  test("Single: one in flight is joined, even without a generation or within 10 s", () => {
    given(proven, renegotiated({ by: "tile", seen: 1 }))
      .when(renegotiated({ by: "tile" }))
      .expect(joinedHandshake(2), nothingHappened)
      .when(renegotiated({ reason: "operator" }))
      .expect(joinedHandshake(2), nothingHappened);
  });

  test("Single: the first negotiation of a session is joined too", () => {
    given(attached(), acquired("tile"))
      .when(renegotiated({ by: "tile", seen: 0 }))
      .expect(joinedHandshake(1));
  });

  test("over a usable path, observed_generation is required", () => {
    given(proven)
      .when(renegotiated({ by: "tile" }))
      .expect(
        refused({
          reason: "FIELD_INVALID",
          violations: [{ field: "observed_generation" }],
        } as never),
      )
      .expect(nothingHappened);
  });

  test("without a usable path observed_generation is optional", () => {
    given(proven, manager(closed))
      .when(renegotiated({ by: "tile" }))
      .expect(startedHandshake(2));
  });

  test("a usable path is not replaced within 10 s of its promotion", () => {
    given(onFastPath())
      .when(wait(9_999), renegotiated({ by: "tile", seen: 1 }))
      .expect(refused({ reason: "TOO_MANY", what: "replacements", retryAfterMs: 1 }))
      .when(wait(1), renegotiated({ by: "tile", seen: 1 }))
      .expect(startedHandshake(2));
  });

  test("a lost one is, however young", () => {
    given(onFastPath(), manager(closed))
      .when(renegotiated({ by: "tile", seen: 1 }))
      .expect(startedHandshake(2));
  });

  test("an operator replaces a young one at once, needs no generation and no lease", () => {
    given(onFastPath())
      .when(renegotiated({ reason: "operator" }))
      .expect(startedHandshake(2), (world) =>
        expect(sessionOf(world).transport.path).toMatchObject({ next: { reason: "operator" } }),
      );
  });

  test("while a replacement backs off: refresh, and the moment is shown", () => {
    given(proven, renegotiated({ by: "tile", seen: 1 }))
      .when(repeatedly(5_000, 15_000, manager(ready, { of: 1 }), host(ready, { of: 1 })))
      .expect(inFlight(undefined), backsOffFor(1_000))
      .when(wait(999), renegotiated({ by: "tile", seen: 1 }))
      .expect(refreshed, nothingHappened, backsOffFor(1))
      .when(wait(1), renegotiated({ by: "tile", seen: 1 }))
      .expect(startedHandshake(3));
  });

  test("without a usable path it is the recovery's back-off that counts", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000))
      .when(renegotiated({ by: "tile" }))
      .expect(refreshed, backsOffFor(1_000));
  });

  test("an operator ignores the back-off", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000))
      .when(renegotiated({ by: "tile", reason: "operator" }))
      .expect(startedHandshake(2));
  });

  test("a manager with 50 negotiations in flight gets no more, not even from operators", () => {
    const busy = refused({ reason: "TOO_MANY", what: "negotiations", retryAfterMs: 1_000 });
    given(proven, negotiationsElsewhere(50))
      .when(renegotiated({ by: "tile", seen: 1 }))
      .expect(busy)
      .when(renegotiated({ reason: "operator" }))
      .expect(busy)
      .when(negotiationsElsewhere(49), renegotiated({ reason: "operator" }))
      .expect(startedHandshake(2));
  });
});

describe("a replacement", () => {
  test("Overlapped: the current one stays valid and promoted while it is negotiated", () => {
    given(proven)
      .when(renegotiated({ by: "tile", seen: 1 }))
      .expect(promoted(1, 1), inFlight(2), path("fast_path"), health("healthy", "confirmed"));
  });

  test("changes no lease", () => {
    given(proven).expect((world) => {
      const before = sessionOf(world).leases;
      renegotiated({ by: "tile", seen: 1 })(world);
      expect(sessionOf(world).leases).toBe(before);
    });
  });

  test("carries what the last attach said, its reason, and which try it is", () => {
    given(
      proven,
      attached({ managerUrl: "http://manager-2", requiredChannels: ["mgr-actions", "x"] }),
    )
      .when(renegotiated({ by: "tile", seen: 1, reason: "network_changed" }))
      .expect(
        accepted({
          offer: {
            managerUrl: "http://manager-2",
            channels: ["mgr-actions", "x"],
            reason: "network_changed",
            attempt: 1,
          },
        }),
        (world) => expect(currentIn(world).channels).toEqual(["mgr-actions"]),
      );
  });

  test("is confirmed by 15 s after it was issued", () => {
    given(proven)
      .when(at(40_000), renegotiated({ by: "tile", seen: 1 }))
      .expect((world) => {
        const next = sessionOf(world).transport.path;
        expect(next).toMatchObject({
          next: { issuedAt: world.now, confirmBy: world.now + 15_000 },
        });
      });
  });
});

describe("where there is no session", () => {
  test("a session that is not known is refused", () => {
    given()
      .when(renegotiated({ by: "tile" }))
      .expect(refused("SESSION_UNKNOWN"))
      .when(renegotiated({ reason: "operator" }))
      .expect(refused("SESSION_UNKNOWN"));
  });

  test("a detached one is refused alike, with a token or without", () => {
    given(proven, detached())
      .when(renegotiated({ by: "tile", seen: 1 }))
      .expect(refused("SESSION_UNKNOWN"))
      .when(renegotiated({ reason: "operator" }))
      .expect(refused("SESSION_UNKNOWN"));
  });
});
