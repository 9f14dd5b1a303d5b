import { describe, expect, test } from "vitest";

import { given, type Step, start } from "../given.ts";
import {
  backsOffFor,
  currentIn,
  ended,
  event,
  happened,
  health,
  inFlight,
  lease,
  liveFor,
  nonePromoted,
  nothingHappened,
  path,
  promoted,
  refreshed,
  refused,
  sessionOf,
  standing,
  versionKept,
  versionRose,
} from "../outcomes.ts";
import {
  absent,
  acquired,
  attached,
  checked,
  closed,
  detached,
  disconnected,
  host,
  later,
  manager,
  noConnection,
  onFastPath,
  onFastPathByManagerAlone,
  ready,
  renegotiated,
  renewed,
  repeatedly,
  stalled,
  together,
  wait,
} from "../steps.ts";

const wentBy: readonly [string, (ms: number) => Step][] = [
  ["a stall", stalled],
  ["an absence", absent],
];

describe.each(wentBy)("after %s", (_, gap) => {
  test("Durable: nothing that was shown before it is renegotiated, abandoned, shortened or ended", () => {
    given(
      onFastPath(),
      acquired("agent"),
      renegotiated({ reason: "operator" }),
      wait(9_000),
    ).expect((world) => {
      const before = sessionOf(world);
      together(gap(3_600_000), later(0))(world);
      const now = sessionOf(world);
      expect(now.transport.path).toMatchObject({ current: { health: "healthy" } });
      for (const check of [happened("GapTaken"), promoted(1, 1), inFlight(2)]) check(world);
      for (const [index, { expiresAt }] of before.leases.live.entries()) {
        expect(now.leases.live[index]?.expiresAt).toBeGreaterThanOrEqual(expiresAt + 3_600_000);
      }
    });
  });

  test("moves the end of a negotiation by its length, and that is shown", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), wait(10_000), gap(60_000))
      .when(later(0))
      .expect(happened("GapTaken"), versionRose, inFlight(1))
      .when(later(4_999))
      .expect(inFlight(1))
      .when(later(1))
      .expect(standing(1, "abandoned"));
  });

  test("moves the end of a linger", () => {
    given(onFastPath(), renegotiated({ reason: "operator" }), manager(ready), host(ready))
      .when(wait(2_000), gap(60_000), later(0))
      .expect(versionRose)
      .when(later(2_999))
      .expect(standing(1, "lingering"))
      .when(later(1))
      .expect(standing(1, "retired"));
  });

  test("moves the end of an abandonment", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000), wait(20_000))
      .when(gap(120_000), later(0))
      .expect(versionKept)
      .when(later(39_999))
      .expect(standing(1, "abandoned"))
      .when(later(1))
      .expect(standing(1, "retired"));
  });

  test("moves a back-off", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000), wait(400))
      .when(gap(60_000), later(0))
      .expect(versionRose, backsOffFor(600));
  });

  test("does not change the age of evidence", () => {
    given(onFastPath(), wait(4_000), gap(600_000))
      .when(later(5_999))
      .expect(health("healthy", "confirmed"), path("fast_path"), versionKept)
      .when(later(1))
      .expect(health("stale", "silent"))
      .when(later(19_999))
      .expect(health("stale", "silent"))
      .when(later(1))
      .expect(health("lost", "silent"));
  });

  test("Durable: makes no evidence stale or lost by itself", () => {
    given(onFastPath(), wait(9_999), gap(600_000))
      .when(later(0))
      .expect(happened("GapTaken"), health("healthy", "confirmed"))
      .when(wait(19_999), gap(600_000))
      .when(later(0))
      .expect(happened("HealthChanged", "GapTaken"), health("stale", "silent"));
  });

  test("leaves what was stale stale, until somebody reports", () => {
    given(onFastPath(), later(15_000), gap(60_000), later(0))
      .expect(health("stale", "silent"))
      .when(manager(ready))
      .expect(health("stale", "host_silent"))
      .when(host(ready))
      .expect(health("healthy", "recovered"));
  });

  test("does not let a stale report confirm anything", () => {
    given(attached({ hostReports: true }), acquired("tile", { ttlMs: 300_000 }), manager(ready))
      .when(wait(13_000), gap(60_000), host(ready))
      .expect(nonePromoted, inFlight(1))
      .when(manager(ready))
      .expect(promoted(1, 1));
  });

  test("lets a fresh report confirm as before", () => {
    given(attached({ hostReports: true }), acquired("tile", { ttlMs: 300_000 }), manager(ready))
      .when(wait(9_999), gap(60_000), host(ready))
      .expect(promoted(1, 1));
  });

  test("does not give a host back the say that it had lost", () => {
    given(onFastPath(), repeatedly(5_000, 30_000, manager(ready)), gap(60_000))
      .when(renegotiated({ reason: "operator" }), manager(ready))
      .expect(promoted(2, 2));
  });

  test("delays the claim of an end that it has no connection by its length", () => {
    given(onFastPath(), wait(1_000), manager(noConnection, { by: "another" }), gap(60_000))
      .when(later(1_999))
      .expect(health("healthy", "confirmed"))
      .when(later(1))
      .expect(health("lost", "end_restarted"));
  });

  test("is no silence of an end that never spoke", () => {
    given(attached({ hostReports: true }), acquired("tile", { ttlMs: 300_000 }), wait(14_000))
      .when(manager(ready), later(1_000))
      .expect(promoted(1, 1), health("healthy", "host_silent"))
      .when(wait(4_000), manager(ready), gap(60_000))
      .when(later(5_999))
      .expect(health("healthy", "host_silent"))
      .when(later(1))
      .expect(health("stale", "host_silent"));
  });

  test("interrupts no stretch of good evidence, and adds nothing to it", () => {
    given(onFastPath(), manager(disconnected), manager(ready), wait(2_000), gap(60_000))
      .when(manager(ready))
      .expect(health("degraded", "ice_disconnected"))
      .when(wait(1_000), manager(ready))
      .expect(health("healthy", "recovered"));
  });

  test("evidence observed within it ages from its end", () => {
    const inGap = { ageMs: 30_000 };
    given(onFastPath(), wait(1_000), gap(60_000), wait(2_000))
      .when(manager(ready, inGap), host(ready, inGap), later(7_999))
      .expect(health("healthy", "confirmed"))
      .when(later(1))
      .expect(health("stale", "silent"));
  });

  test("evidence observed before it and reported after it has aged on both sides of it", () => {
    const before = { ageMs: 64_000 };
    given(onFastPath(), wait(5_000), gap(60_000), wait(2_000))
      .when(manager(ready, before), host(ready, before), later(5_999))
      .expect(health("healthy", "confirmed"))
      .when(later(1))
      .expect(health("stale", "silent"));
  });

  test("renegotiates nothing: the next renewal refreshes", () => {
    given(onFastPath(), gap(240_000))
      .when(renewed("tile"))
      .expect(refreshed, promoted(1, 1), happened("GapTaken", "LeaseExtended"));
  });

  test("keeps the host's say", () => {
    given(
      onFastPath(),
      wait(29_000),
      manager(ready),
      gap(60_000),
      renegotiated({ reason: "operator" }),
    )
      .when(manager(ready))
      .expect(promoted(1, 1), inFlight(2));
  });

  test("moves the moment at which failures are forgiven", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000), manager(ready))
      .when(wait(10_000), gap(60_000))
      .when(repeatedly(1_000, 19_000, manager(ready)), later(999))
      .expect((world) => expect(sessionOf(world).transport.recoveries.failures).toBe(1))
      .when(later(1))
      .expect(happened("BackoffReset"));
  });

  test("moves the moment at which a failed replacement is forgiven", () => {
    const bothReady = together(manager(ready, { of: 1 }), host(ready, { of: 1 }));
    given(onFastPath(), repeatedly(5_000, 40_000, bothReady), renegotiated({ reason: "operator" }))
      .when(repeatedly(5_000, 30_000, bothReady), gap(60_000))
      .when(repeatedly(1_000, 15_000, bothReady), later(999))
      .expect((world) => expect(sessionOf(world).transport.replacements.failures).toBe(1))
      .when(later(1))
      .expect(event({ kind: "BackoffReset", which: "replacements" }));
  });

  test("moves the moment at which the session goes idle", () => {
    given(attached(), gap(3_600_000))
      .when(later(86_400_000 - 1))
      .expect(happened("GapTaken"))
      .when(later(1))
      .expect(happened("SessionDetached"));
  });

  test("moves no deadline that had passed before it began", () => {
    given(attached(), acquired("tile", { ttlMs: 5_000 }), wait(5_000), gap(60_000))
      .when(renewed("tile"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "expired" }))
      .expect(event({ kind: "LeaseEnded", at: start + 5_000 }), ended("tile", "expired"));
    given(attached(), acquired("tile", { ttlMs: 300_000 }), wait(15_000), gap(60_000))
      .when(later(0))
      .expect(event({ kind: "HandshakeAbandoned", at: start + 15_000 }), standing(1, "abandoned"))
      .expect(backsOffFor(1_000));
  });

  test("is taken up once, before anything else is decided", () => {
    given(attached(), acquired("tile"), gap(10_000))
      .when(checked("tile"))
      .expect(happened("GapTaken"))
      .when(later(1))
      .expect(nothingHappened);
  });

  test("leaves a session alone that is attached after it", () => {
    given(gap(10_000), attached())
      .when(later(1))
      .expect(nothingHappened, (world) => expect(sessionOf(world).gapsTaken).toBe(1));
  });

  test("leaves a tombstone alone, and a session that comes back from one", () => {
    given(attached(), acquired("tile"), detached(), gap(60_000))
      .when(later(0))
      .expect(nothingHappened)
      .when(attached(), later(1))
      .expect(nothingHappened);
  });

  test("changes no lease version: nothing was granted or ended", () => {
    given(attached(), acquired("tile")).expect((world) => {
      const { version } = sessionOf(world).leases;
      gap(10_000)(world);
      later(0)(world);
      expect(sessionOf(world).leases.version).toBe(version);
    });
  });
});

describe("leases after a gap", () => {
  test("Durable: a stall gives a lease back exactly its length", () => {
    given(attached(), acquired("tile"), wait(29_999), stalled(5_000))
      .when(renewed("nobody"))
      .expect(liveFor("tile", 1))
      .when(later(1))
      .expect(ended("tile", "expired"));
  });

  test("Durable: an absence gives it its ttl again and spreads the ends", () => {
    given(attached(), acquired("tile"), wait(29_999), absent(5_000))
      .when(later(0))
      .expect(liveFor("tile", 31_500));
  });

  test("or by the length of the absence, if that is greater", () => {
    given(attached(), acquired("tile", { ttlMs: 120_000 }), renewed("tile", { ttlMs: 5_000 }))
      .when(absent(60_000), later(0))
      .expect(liveFor("tile", 120_000));
  });

  test("each by its own ttl", () => {
    given(attached(), acquired("tile"), acquired("agent", { ttlMs: 60_000 }), absent(1_000))
      .when(later(0))
      .expect(liveFor("tile", 31_500), liveFor("agent", 63_000));
  });

  test("one that had ended stays ended, the others live on", () => {
    given(attached(), acquired("short", { ttlMs: 5_000 }), acquired("tile"), wait(5_000))
      .when(absent(600_000), renewed("tile"))
      .expect(ended("short", "expired"), (world) => lease(world, "tile"))
      .when(renewed("short"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "expired" }));
  });
});

describe("several gaps", () => {
  test("are applied in order, with the deadlines between them applied in between", () => {
    given(attached(), acquired("tile", { ttlMs: 5_000 }), acquired("agent", { ttlMs: 60_000 }))
      .when(stalled(2_000), wait(5_000), stalled(3_000), later(0))
      .expect(happened("GapTaken", "LeaseEnded", "GapTaken"))
      .expect(ended("tile", "expired"), liveFor("agent", 55_000))
      .expect(event({ kind: "LeaseEnded", at: start + 7_000 }));
  });

  test("together do not change the age of evidence", () => {
    given(onFastPath(), wait(3_000), stalled(60_000), wait(3_000), absent(60_000))
      .when(later(3_999))
      .expect(health("healthy", "confirmed"))
      .when(later(1))
      .expect(health("stale", "silent"));
    const before = { ageMs: 128_000 };
    given(onFastPath(), wait(3_000), stalled(60_000), wait(3_000), absent(60_000), wait(5_000))
      .when(manager(ready, before), host(ready, before), later(1_999))
      .expect(health("healthy", "recovered"))
      .when(later(1))
      .expect(health("stale", "silent"));
  });

  test("that were taken up are not taken up again", () => {
    given(attached(), acquired("tile"), stalled(2_000), later(0), stalled(3_000), later(0))
      .expect(happened("GapTaken"), liveFor("tile", 30_000))
      .expect((world) => expect(sessionOf(world).gapsTaken).toBe(2));
  });
});

describe("what a gap shows", () => {
  test("a back-off that is not shown moves without a new version", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), later(15_000), manager(ready))
      .expect(path("fast_path"), backsOffFor(0))
      .when(stalled(2_000), later(0))
      .expect(happened("GapTaken"), versionKept);
  });

  test("a lost transport stays lost, and a degraded one needs its 3 s of good evidence", () => {
    given(onFastPath(), manager(closed), stalled(60_000), later(0)).expect(
      health("lost", "connection_closed"),
    );
    given(onFastPath(), manager(disconnected), wait(1_000), manager(ready), stalled(60_000))
      .when(manager(ready))
      .expect(health("degraded", "ice_disconnected"))
      .when(wait(3_000), manager(ready))
      .expect(health("healthy", "recovered"));
  });

  test("an earlier report is shown at its true age, whatever it counts for", () => {
    given(onFastPathByManagerAlone(), wait(5_000), stalled(60_000), later(0)).expect((world) => {
      expect(currentIn(world).manager).toMatchObject({ observedAt: start, gapMs: 60_000 });
    });
  });
});
