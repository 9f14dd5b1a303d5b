import { describe, expect, test } from "vitest";

import { given, type Step } from "../given.ts";
import {
  accepted,
  backsOffFor,
  currentIn,
  ended,
  event,
  happened,
  health,
  inFlight,
  joinedHandshake,
  liveFor,
  nothingHappened,
  path,
  promoted,
  refreshed,
  refused,
  retryIn,
  sessionOf,
  startedHandshake,
  versionKept,
  versionRose,
} from "../outcomes.ts";
import {
  acquired,
  at,
  attached,
  closed,
  detached,
  disconnected,
  failed,
  host,
  later,
  manager,
  negotiationsElsewhere,
  noConnection,
  onFastPath,
  ready,
  released,
  renegotiated,
  renewed,
  repeatedly,
  revoked,
  unacked,
  wait,
  without,
} from "../steps.ts";

describe("a lease that is not live", () => {
  const ends: readonly [by: "expired" | "released" | "revoked" | "detached", how: Step][] = [
    ["expired", wait(300_000)],
    ["released", released("tile")],
    ["revoked", revoked()],
    ["detached", detached()],
  ];
  test.each(ends)("is refused because it %s", (endedBy, how) => {
    given(onFastPath(), how)
      .when(renewed("tile"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy }), ended("tile", endedBy));
  });

  test("is refused with its expiry on record, when that was due", () => {
    given(attached(), acquired("tile", { ttlMs: 5_000 }))
      .when(wait(5_000), renewed("tile"))
      .expect(refused("LEASE_NOT_LIVE"), happened("LeaseEnded"), versionRose);
  });
});

describe("a usable fast path", () => {
  const usable: readonly [string, Step][] = [
    ["healthy", wait(0)],
    ["degraded by ICE", manager(disconnected)],
    ["degraded by a missing channel", manager(without("mgr-acks"))],
    ["degraded by slow acks", manager(unacked(5_001))],
    ["stale by silence", wait(29_998)],
    ["stale by a silent host", repeatedly(1_000, 12_000, manager(ready))],
    ["stale by a silent manager", repeatedly(1_000, 12_000, host(ready))],
  ];

  test.each(usable)(
    "Undisturbed: renewing over one that is %s changes only the expiry",
    (_, is) => {
      given(onFastPath(), acquired("agent", { ttlMs: 300_000 }), is, later(0)).expect((world) => {
        const before = sessionOf(world);
        proceed(world, wait(1), renewed("agent"));
        const now = sessionOf(world);
        expect(now.transport).toBe(before.transport);
        expect({ ...now, revision: 0, leases: now.leases.live.length }).toEqual({
          ...before,
          revision: 0,
          leases: before.leases.live.length,
        });
        refreshed(world);
        happened("LeaseExtended")(world);
      });
    },
  );

  test("Undisturbed: acquiring over one starts nothing either", () => {
    given(onFastPath())
      .when(acquired("agent"))
      .expect(refreshed, happened("LeaseGranted"), promoted(1, 1));
  });

  test("Undisturbed: forty renewals in a row leave the very same transport", () => {
    given(onFastPath()).expect((world) => {
      const { transport } = sessionOf(world);
      proceed(world, repeatedly(200, 8_000, renewed("tile")));
      expect(sessionOf(world).transport).toBe(transport);
    });
  });

  test("with a replacement in flight is refreshed, and the replacement continues", () => {
    given(onFastPath(), wait(10_000), renegotiated({ by: "tile", seen: 1 }))
      .when(renewed("tile"))
      .expect(refreshed, happened("LeaseExtended"), inFlight(2), promoted(1, 1), versionKept);
  });
});

describe("no usable fast path", () => {
  test("the first lease on a session starts the first handshake", () => {
    given(attached())
      .when(acquired("tile"))
      .expect(startedHandshake(1), happened("LeaseGranted", "HandshakeStarted"))
      .expect(event({ kind: "HandshakeStarted" }), path("pending"), versionRose);
  });

  test("Single: a renewal joins the handshake in flight, and its answer says so", () => {
    given(attached(), acquired("tile"))
      .when(wait(5_000), renewed("tile"))
      .expect(joinedHandshake(1), happened("LeaseExtended"), versionKept);
  });

  test("Single: so does every Acquire meanwhile", () => {
    given(attached(), acquired("tile"))
      .when(wait(5_000), acquired("agent"))
      .expect(joinedHandshake(1), happened("LeaseGranted"));
  });

  const deaths: readonly [string, Step][] = [
    ["the manager's connection failed", manager(failed)],
    ["the manager's connection closed", manager(closed)],
    ["the host's connection failed", host(failed)],
    ["the host's connection closed", host(closed)],
    ["a required channel closed", manager(without("mgr-actions"))],
    ["the host restarted", host(noConnection, { by: "host-process-2" })],
    ["acks stalled", manager(unacked(15_001))],
    ["both ends fell silent", wait(30_000)],
  ];
  test.each(deaths)("Genuine: after %s, the next renewal starts a handshake", (_, death) => {
    given(onFastPath(), death, later(3_000))
      .expect(path("http_fallback"))
      .when(renewed("tile"))
      .expect(startedHandshake(2), happened("LeaseExtended", "HandshakeStarted"))
      .expect((world) => expect(currentIn(world).health).toBe("lost"));
  });

  test("Genuine: acquiring over a dead one starts a handshake as well", () => {
    given(onFastPath(), manager(closed)).when(acquired("agent")).expect(startedHandshake(2));
  });

  test("a renewal of the lease alone starts nothing, whatever the fast path's state", () => {
    given(onFastPath(), manager(closed))
      .when(renewed("tile", { leaseOnly: true }))
      .expect(refreshed, happened("LeaseExtended"), path("http_fallback"))
      .when(renewed("tile"), renewed("tile", { leaseOnly: true }))
      .expect(refreshed, happened("LeaseExtended"), inFlight(2));
  });

  test("while a recovery backs off, a renewal refreshes and says when; then one is started", () => {
    given(attached(), acquired("tile"), later(15_000))
      .expect(backsOffFor(1_000), path("http_fallback"))
      .when(wait(999), renewed("tile"))
      .expect(retryIn(1), happened("LeaseExtended"), backsOffFor(1))
      .when(wait(1), renewed("tile"))
      .expect(startedHandshake(2), backsOffFor(0));
  });

  test("while the manager has 50 negotiations in flight, a renewal refreshes and says when", () => {
    given(onFastPath(), manager(closed), negotiationsElsewhere(50))
      .when(renewed("tile"))
      .expect(retryIn(1_000), happened("LeaseExtended"), path("http_fallback"))
      .when(negotiationsElsewhere(49), renewed("tile"))
      .expect(startedHandshake(2));
  });

  test("joining costs the manager nothing, so a full one is joined all the same", () => {
    given(attached(), acquired("tile"))
      .when(negotiationsElsewhere(50), renewed("tile"))
      .expect(joinedHandshake(1));
  });
});

describe("what is due comes first", () => {
  test("a handshake whose deadline has come is not joined", () => {
    given(attached(), acquired("tile", { ttlMs: 60_000 }))
      .when(at(15_000), renewed("tile"))
      .expect(refreshed, inFlight(undefined))
      .expect(happened("HandshakeAbandoned", "NegotiationDelayed", "LeaseExtended"));
  });

  test("silence that has become a death starts the handshake in the same renewal", () => {
    given(onFastPath())
      .when(wait(30_000), renewed("tile"))
      .expect(startedHandshake(2), health("lost", "silent"), liveFor("tile", 300_000));
  });
});

describe("a session that continues without a lease", () => {
  test("the end of a lease ends no transport and no negotiation", () => {
    given(attached(), acquired("tile", { ttlMs: 5_000 }))
      .when(later(5_000))
      .expect(happened("LeaseEnded"), inFlight(1))
      .when(manager(ready))
      .expect(promoted(1, 1), path("fast_path"));
  });

  test("a lost fast path is not replaced by a report", () => {
    given(onFastPath(), host(closed))
      .when(manager(closed), later(1_000))
      .expect(nothingHappened, inFlight(undefined), path("http_fallback"), accepted());
  });
});

/** Goes on in the same world. */
function proceed(world: Parameters<Step>[0], ...steps: readonly Step[]): void {
  for (const step of steps) step(world);
}
