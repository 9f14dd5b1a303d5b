import { describe, expect, test } from "vitest";

import { given, type Step } from "../given.ts";
import {
  accepted,
  currentIn,
  happened,
  health,
  nonePromoted,
  nothingHappened,
  path,
  promoted,
  refused,
  sessionOf,
  versionKept,
  versionRose,
} from "../outcomes.ts";
import {
  acquired,
  attached,
  closed,
  connecting,
  detached,
  disconnected,
  failed,
  handshakeChecked,
  host,
  later,
  manager,
  noConnection,
  onFastPath,
  onFastPathByManagerAlone,
  ready,
  repeatedly,
  stalled,
  wait,
  without,
} from "../steps.ts";

describe("the order of reports", () => {
  test("a repeated report counts once", () => {
    given(onFastPath(), manager(disconnected, { sequence: 7 }))
      .when(manager(disconnected, { sequence: 7 }))
      .expect(nothingHappened, accepted({ standing: "promoted" }));
  });

  test("a report that was overtaken does not count", () => {
    given(onFastPath(), manager(ready, { sequence: 9 }))
      .when(manager(closed, { sequence: 8 }))
      .expect(nothingHappened, health("healthy", "confirmed"));
  });

  test("a repeated report keeps nothing alive", () => {
    given(onFastPath())
      .when(
        repeatedly(1_000, 30_000, manager(ready, { sequence: 1 }), host(ready, { sequence: 1 })),
      )
      .expect(health("lost", "silent"));
  });

  test("a late report is as old as its observed_age", () => {
    given(onFastPath(), wait(12_000), manager(ready, { ageMs: 8_000 }))
      .when(later(1_999))
      .expect(health("stale", "host_silent"))
      .when(later(1))
      .expect(health("stale", "silent"));
  });

  test("reports without a number always count", () => {
    given(onFastPath(), manager(ready, { sequence: 5 }))
      .when(manager(disconnected, { sequence: 0 }))
      .expect(health("degraded", "ice_disconnected"))
      .when(manager(closed, { sequence: 0 }))
      .expect(health("lost", "connection_closed"));
  });

  test("the numbers of one end are not those of the other", () => {
    given(onFastPath(), manager(ready, { sequence: 100 }))
      .when(host(disconnected, { sequence: 2 }))
      .expect(health("degraded", "ice_disconnected"));
  });

  test("a restarted reporter counts from the beginning", () => {
    given(onFastPath(), manager(ready, { sequence: 100 }))
      .when(manager(disconnected, { by: "manager-process-2", sequence: 1 }))
      .expect(health("degraded", "ice_disconnected"));
  });

  test("another process that observed earlier does not overrule the later report", () => {
    given(onFastPath(), wait(5_000), manager(ready))
      .when(manager(disconnected, { by: "manager-process-2", ageMs: 1 }))
      .expect(health("healthy", "confirmed"))
      .when(manager(disconnected, { by: "manager-process-2" }))
      .expect(health("degraded", "ice_disconnected"));
  });

  test("the newest four reporters of each end are remembered", () => {
    const others = Array.from({ length: 9 }, (_, index) => host(ready, { by: `host-${index}` }));
    given(onFastPath(), ...others).expect((world) => {
      const ids = sessionOf(world).transport.reporters.map(({ id }) => id);
      expect(ids).toEqual(["manager-process-1", "host-5", "host-6", "host-7", "host-8"]);
    });
  });

  test("however often one end restarts, the order of the other's reports is kept", () => {
    const restarts = Array.from({ length: 20 }, (_, index) => host(ready, { by: `host-${index}` }));
    given(onFastPath(), manager(ready, { sequence: 9 }), ...restarts)
      .when(manager(closed, { sequence: 8 }))
      .expect(nothingHappened, health("healthy", "confirmed"));
  });
});

describe("which connection counts", () => {
  test("closing an older connection of the same handshake proves nothing", () => {
    given(onFastPath(), manager(ready, { transport: "second" }))
      .when(manager(closed, { transport: "first" }))
      .expect(health("healthy", "confirmed"))
      .when(manager(without("mgr-actions"), { transport: "first" }))
      .expect(health("healthy", "confirmed"))
      .when(manager(closed, { transport: "second" }))
      .expect(health("lost", "connection_closed"));
  });

  test("a newer one that is not ready yet proves nothing either", () => {
    given(onFastPath())
      .when(host(connecting, { transport: "second" }))
      .expect(health("healthy", "confirmed"), happened("ReportReceived"), versionKept);
  });

  test("an end that was never ready cannot close what carries the actions", () => {
    given(onFastPathByManagerAlone())
      .when(host(closed, { transport: "a first try" }))
      .expect(path("fast_path"), promoted(1, 1))
      .when(host(failed, { transport: "a second try" }))
      .expect(path("fast_path"))
      .when(host(ready, { transport: "third" }), host(closed, { transport: "third" }))
      .expect(health("lost", "connection_closed"));
  });

  test("a change of what an end shows is a new version, its age alone is not", () => {
    given(onFastPath())
      .when(manager(ready, { transport: "second" }))
      .expect(versionRose)
      .when(wait(1_000), manager(ready, { transport: "second" }))
      .expect(versionKept);
  });

  test("reports on a handshake in negotiation are kept, and are no new version", () => {
    given(attached({ hostReports: true }), acquired("tile"))
      .when(host(ready))
      .expect(happened("ReportReceived"), versionKept)
      .when(manager(ready))
      .expect(promoted(1, 1));
  });
});

describe("an end that holds no connection", () => {
  const claims: Step = manager(noConnection, { by: "manager-process-2" });

  test("counts once no other reporter of that end has said ready for 3 s", () => {
    given(onFastPath(), wait(1_000), manager(ready), wait(500), claims)
      .when(later(2_499))
      .expect(health("healthy", "confirmed"))
      .when(later(1))
      .expect(health("lost", "end_restarted"));
  });

  test("does not count while another reporter goes on: two managers hand over", () => {
    given(onFastPath(), claims)
      .when(repeatedly(2_999, 29_990, manager(ready), host(ready), claims))
      .expect(health("healthy", "confirmed"), path("fast_path"));
  });

  test("a claim of once counts when the other process is killed later", () => {
    given(onFastPath(), claims, repeatedly(1_000, 20_000, manager(ready), host(ready)))
      .expect(health("healthy", "confirmed"))
      .when(later(3_000))
      .expect(health("lost", "end_restarted"));
  });

  test("is taken back when that process reports the handshake ready itself", () => {
    given(onFastPath(), claims, manager(ready, { by: "manager-process-2" }))
      .when(repeatedly(1_000, 10_000, manager(ready, { by: "manager-process-2" }), host(ready)))
      .expect(health("healthy", "confirmed"));
  });

  test("counts at once when no reporter of that end ever said ready", () => {
    given(onFastPathByManagerAlone())
      .when(host(noConnection))
      .expect(health("lost", "end_restarted"));
  });

  test("of the other end waits for that end's own reporters alone", () => {
    given(onFastPath(), wait(1_000), host(noConnection, { by: "host-process-2" }))
      .when(repeatedly(500, 2_000, manager(ready)))
      .expect(health("lost", "end_restarted"));
  });

  test("waits 3 s more after a gap, in which no end could report ready", () => {
    given(onFastPath(), claims, stalled(2_000))
      .when(later(2_999))
      .expect(health("healthy", "confirmed"))
      .when(later(1))
      .expect(health("lost", "end_restarted"));
  });

  test("about a handshake in flight keeps it from being confirmed", () => {
    given(attached(), acquired("tile"), manager(noConnection))
      .when(later(1_000))
      .expect(nonePromoted)
      .when(manager(ready))
      .expect(promoted(1, 1));
  });
});

describe("what a report answers", () => {
  test("the standing of the handshake it is about, also when it was dropped", () => {
    given(onFastPath())
      .when(manager(ready))
      .expect(accepted({ standing: "promoted" }))
      .when(manager(ready, { sequence: 1 }))
      .expect(accepted({ standing: "promoted" }))
      .when(manager(ready, { of: "never ours" }))
      .expect(accepted({ standing: "unknown" }));
  });

  test("a report, and a check, on a session that is not known or detached is refused", () => {
    given()
      .when(manager(ready, { of: "any" }))
      .expect(refused("SESSION_UNKNOWN"), nothingHappened)
      .when(handshakeChecked("any"))
      .expect(refused("SESSION_UNKNOWN"));
    given(onFastPath(), detached())
      .when(manager(ready))
      .expect(refused("SESSION_UNKNOWN"), nothingHappened)
      .when(handshakeChecked(1))
      .expect(refused("SESSION_UNKNOWN"));
  });

  test("Held: no report extends a lease", () => {
    given(onFastPath()).expect((world) => {
      const before = sessionOf(world).leases;
      repeatedly(1_000, 20_000, manager(ready), host(ready))(world);
      expect(sessionOf(world).leases).toBe(before);
    });
  });

  test("evidence is kept for each handshake and end", () => {
    given(onFastPath()).expect((world) => {
      const { manager: one, host: other } = currentIn(world);
      expect([one?.reporterId, other?.reporterId]).toEqual(["manager-process-1", "host-process-1"]);
    });
  });
});
