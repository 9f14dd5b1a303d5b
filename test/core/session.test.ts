import { describe, expect, test } from "vitest";

import { given, type Step, start } from "./given.ts";
import {
  accepted,
  currentIn,
  ended,
  event,
  happened,
  inFlight,
  lastChange,
  lease,
  liveLeases,
  nonePromoted,
  nothingHappened,
  path,
  promoted,
  refreshed,
  refused,
  sessionOf,
  standing,
  startedHandshake,
  versionKept,
} from "./outcomes.ts";
import {
  acquired,
  attached,
  checked,
  detached,
  handshakeChecked,
  host,
  later,
  manager,
  onFastPath,
  ready,
  released,
  renegotiated,
  renewed,
  repeatedly,
  revoked,
  wait,
  watched,
} from "./steps.ts";

const day = 86_400_000;

describe("becoming known", () => {
  test("by an attach: no lease, no handshake, the path is pending", () => {
    given()
      .when(attached())
      .expect(happened("SessionAttached"), path("pending"), liveLeases(), nonePromoted)
      .expect(inFlight(undefined), lastChange("attached", "attached"));
  });

  test("by acquiring with a passcode that verified", () => {
    given()
      .when(acquired("tile", { passcode: true }))
      .expect(happened("SessionAttached", "LeaseGranted", "HandshakeStarted"), startedHandshake(1));
  });

  test("a passcode on a session that is known attaches nothing", () => {
    given(attached({ managerUrl: "http://elsewhere" }))
      .when(acquired("tile", { passcode: true }))
      .expect(happened("LeaseGranted", "HandshakeStarted"))
      .expect((world) => expect(sessionOf(world).transport.managerUrl).toBe("http://elsewhere"));
  });

  test("nothing else makes a session known", () => {
    for (const call of [renewed("x"), released("x"), revoked(), detached(), acquired("x")]) {
      given()
        .when(call)
        .expect(refused("SESSION_UNKNOWN"), (world) => expect(world.record).toBeUndefined());
    }
  });

  test("the path is pending until the first negotiation ends, well or badly", () => {
    given(attached(), acquired("tile"))
      .expect(path("pending"))
      .when(manager(ready))
      .expect(path("fast_path"));
    given(attached(), acquired("tile"), later(14_999))
      .expect(path("pending"))
      .when(later(1))
      .expect(path("http_fallback"));
  });
});

describe("attaching again", () => {
  test("as it was changes nothing", () => {
    given(onFastPath()).when(attached()).expect(accepted(null), nothingHappened);
  });

  test("changes no lease; channels and manager url count for later handshakes", () => {
    given(onFastPath()).expect((world) => {
      const { leases } = sessionOf(world);
      attached({ managerUrl: "http://manager-2", requiredChannels: ["mgr-actions", "x"] })(world);
      happened("SessionUpdated")(world);
      versionKept(world);
      expect(sessionOf(world).leases).toBe(leases);
      expect(currentIn(world).channels).toEqual(["mgr-actions"]);
      expect(sessionOf(world).transport).toMatchObject({
        managerUrl: "http://manager-2",
        requiredChannels: ["mgr-actions", "x"],
      });
    });
  });

  test("compares channels one by one, whatever their names contain", () => {
    given(attached({ requiredChannels: ["a\nb"] }))
      .when(attached({ requiredChannels: ["a", "b"] }))
      .expect(happened("SessionUpdated"));
  });

  test("leaves the handshake in flight with what it was started with", () => {
    given(attached(), acquired("tile"), attached({ managerUrl: "http://manager-2" }))
      .when(renewed("tile"))
      .expect(
        accepted({ negotiation: { joined: true, offer: { managerUrl: "http://manager-1" } } }),
      );
  });

  test("from another private beach is refused and changes nothing", () => {
    given(attached())
      .when(attached({ beachId: "beach-2", managerUrl: "http://manager-2" }))
      .expect(refused("NOT_YOUR_BEACH"), nothingHappened);
  });
});

describe("detaching", () => {
  test("ends leases, negotiation and transport, and leaves a tombstone", () => {
    given(onFastPath(), acquired("agent"), renegotiated({ reason: "operator" }))
      .when(detached("closed by its owner"))
      .expect(accepted({ detached: true }))
      .expect(happened("LeaseEnded", "LeaseEnded", "SessionDetached"))
      .expect(ended("tile", "detached"), ended("agent", "detached"))
      .expect((world) =>
        expect(world.record).toMatchObject({
          kind: "detached",
          reason: "closed by its owner",
          generation: world.generation(1),
          newestHandshakeId: world.handshake(2),
        }),
      );
  });

  test("again is detached=false", () => {
    given(attached(), detached())
      .when(detached())
      .expect(accepted({ detached: false }), nothingHappened);
  });

  test("a tombstone answers for its leases", () => {
    const gone = refused({ reason: "LEASE_NOT_LIVE", endedBy: "detached" });
    given(attached(), acquired("tile"), acquired("agent"), released("agent"), detached())
      .when(renewed("tile"))
      .expect(gone, nothingHappened)
      .when(checked("tile"))
      .expect(gone, nothingHappened)
      .when(released("tile"))
      .expect(accepted({ released: false }), nothingHappened)
      .when(renewed("agent"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "released" }));
  });

  const rest: readonly [string, Step][] = [
    ["Acquire", acquired("tile")],
    ["Renegotiate", renegotiated({ by: "tile" })],
    ["Renegotiate by an operator", renegotiated({ reason: "operator" })],
    ["RevokeLeases", revoked()],
    ["a report", manager(ready, { of: 1 })],
    ["CheckHandshake", handshakeChecked(1)],
  ];
  test.each(rest)("to %s a tombstone is as good as unknown", (_, call) => {
    given(onFastPath(), detached()).when(call).expect(refused("SESSION_UNKNOWN"), nothingHappened);
  });

  test("a tombstone is kept for 30 days", () => {
    given(onFastPath(), detached())
      .when(later(30 * day - 1))
      .expect(nothingHappened)
      .when(renewed("tile"))
      .expect(refused("LEASE_NOT_LIVE"))
      .when(wait(1), renewed("tile"))
      .expect(refused("SESSION_UNKNOWN"), happened("TombstoneExpired"))
      .expect((world) => expect(world.record).toBeUndefined());
  });
});

describe("coming back from a tombstone", () => {
  test("Fenced: generation, epoch, version and handshake ids go on", () => {
    given(onFastPath()).expect((world) => {
      const before = sessionOf(world);
      detached()(world);
      attached()(world);
      const again = sessionOf(world);
      expect(again.transport.generation).toBe(world.generation(1));
      expect(again.version).toBeGreaterThan(before.version);
      expect(again.revision).toBeGreaterThan(before.revision);
      expect(again.leases.epoch).toBe(before.leases.epoch);
      expect(again.leases.version).toBeGreaterThan(before.leases.version);
      acquired("tile")(world);
      startedHandshake(2)(world);
      expect(world.handshake(2) > world.handshake(1)).toBe(true);
      manager(ready)(world);
      promoted(2, 2)(world);
      expect(lease(world, "tile").epoch).toBe(before.leases.epoch + 1);
    });
  });

  test("the path is pending again, and what was held is retired", () => {
    given(onFastPath(), detached(), attached())
      .expect(path("pending"), nonePromoted, standing(1, "retired"))
      .when(host(ready, { of: 1 }))
      .expect(accepted({ standing: "retired" }));
  });

  test("how its leases ended is still remembered, and none revives", () => {
    given(onFastPath(), detached(), attached())
      .when(renewed("tile"))
      .expect(refused({ reason: "LEASE_NOT_LIVE", endedBy: "detached" }));
  });

  test("another private beach may own it then", () => {
    given(attached(), detached(), attached({ beachId: "beach-2" })).expect((world) =>
      expect(sessionOf(world).beachId).toBe("beach-2"),
    );
  });

  test("a verified passcode brings it back too", () => {
    given(onFastPath(), detached())
      .when(acquired("tile", { passcode: true }))
      .expect(startedHandshake(2), happened("SessionAttached", "LeaseGranted", "HandshakeStarted"));
  });
});

describe("idleness", () => {
  const idle = happened("SessionDetached");

  test("a session without lease, report or watcher for 24 h is detached", () => {
    given(attached())
      .when(later(day - 1))
      .expect(nothingHappened)
      .when(later(1))
      .expect(idle, event({ kind: "SessionDetached", reason: "idle", at: start + day }));
  });

  test("not while somebody watches it: it is touched instead", () => {
    given(attached(), watched())
      .when(later(day))
      .expect(happened("SessionTouched"), versionKept)
      .when(watched(false), later(day - 1))
      .expect(nothingHappened)
      .when(later(1))
      .expect(idle);
  });

  test("a touch counts from the moment at which it would have gone", () => {
    given(attached(), watched(), wait(day + 3_600_000), checked("nobody"))
      .expect(happened("SessionTouched"), event({ kind: "SessionTouched", at: start + day }))
      .when(watched(false), later(day - 3_600_000))
      .expect(idle);
  });

  test("or from when time was last passed while somebody watched", () => {
    given(attached(), watched(), wait(3_600_000))
      .when(later(0))
      .expect(happened("SessionTouched"), versionKept)
      .when(later(0))
      .expect(nothingHappened)
      .when(watched(false), later(day - 1))
      .expect(nothingHappened)
      .when(later(1))
      .expect(idle);
  });

  test("sessions with a live lease are not touched", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), watched(), later(10_000)).expect(
      nothingHappened,
    );
  });

  test("the 24 h count from the last report", () => {
    given(attached(), wait(day - 1), host(ready, { of: "any" }))
      .when(later(day - 1))
      .expect(nothingHappened)
      .when(later(1))
      .expect(idle);
  });

  test("and from the end of the last lease", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }), wait(300_000), later(0))
      .when(later(day - 1))
      .expect(liveLeases())
      .when(later(1))
      .expect(idle);
  });

  test("a live lease keeps it, however long", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }))
      .when(repeatedly(240_000, 2 * day, renewed("tile", { leaseOnly: true })))
      .expect(refreshed, liveLeases("tile"));
  });

  test("a lease that is asked for at the last moment finds the session gone", () => {
    given(attached()).when(wait(day), acquired("tile")).expect(refused("SESSION_UNKNOWN"), idle);
  });
});
