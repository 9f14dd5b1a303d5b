import { describe, expect, test } from "vitest";

import { given, type Step } from "../given.ts";
import {
  currentIn,
  event,
  happened,
  health,
  nothingHappened,
  path,
  promoted,
  versionKept,
  versionRose,
} from "../outcomes.ts";
import {
  acquired,
  attached,
  closed,
  connecting,
  disconnected,
  failed,
  host,
  later,
  manager,
  noConnection,
  onFastPath,
  onFastPathByManagerAlone,
  ready,
  renewed,
  repeatedly,
  together,
  unacked,
  wait,
  without,
} from "../steps.ts";

const bothReady: Step = together(manager(ready), host(ready));

describe("dead for good", () => {
  const deaths: readonly [string, Step, Parameters<typeof health>[1]][] = [
    ["the manager says failed", manager(failed), "connection_closed"],
    ["the manager says closed", manager(closed), "connection_closed"],
    ["the host says failed", host(failed), "connection_closed"],
    ["the host says closed", host(closed), "connection_closed"],
    ["a required channel is closed", manager(without("mgr-actions")), "channel_closed"],
    ["a required channel is closed at the host", host(without("mgr-actions")), "channel_closed"],
    [
      "the manager restarted",
      together(manager(noConnection, { by: "new" }), later(3_000)),
      "end_restarted",
    ],
    [
      "the host restarted",
      together(host(noConnection, { by: "new" }), later(3_000)),
      "end_restarted",
    ],
    ["the same process has no connection", manager(noConnection), "end_restarted"],
  ];

  test.each(deaths)("Genuine: lost when %s, at once and with a reason", (_, death, reason) => {
    given(onFastPath(), death).expect(health("lost", reason), path("http_fallback"), versionRose);
  });

  test.each(deaths)("after %s this generation does not recover", (_, death, reason) => {
    given(onFastPath(), death)
      .when(repeatedly(1_000, 10_000, bothReady))
      .expect(health("lost", reason), promoted(1, 1), path("http_fallback"));
  });

  test("it takes over from a death that had a way back", () => {
    given(onFastPath(), manager(unacked(15_001)), manager(closed))
      .expect(health("lost", "connection_closed"))
      .when(repeatedly(1_000, 10_000, bothReady))
      .expect(health("lost", "connection_closed"));
  });

  test("a required channel that opens again is not closed", () => {
    given(
      onFastPath(),
      manager({ ...without("mgr-actions"), openingChannels: ["mgr-actions"] }),
    ).expect(health("degraded", "channel_missing"));
  });

  test("a report without faults is no evidence of death: it may leave out a connection", () => {
    given(onFastPath())
      .when(manager({ ...ready, connection: "unspecified" }))
      .expect(health("healthy", "confirmed"));
  });
});

describe("acks", () => {
  const stall = (unackedMs: number, hostSilentMs: number): Step =>
    together(onFastPath(), wait(hostSilentMs), manager(unacked(unackedMs)));

  const rows: readonly [unackedMs: number, hostSilentMs: number, ...Parameters<typeof health>][] = [
    [5_000, 4_999, "healthy", "confirmed"],
    [5_000, 9_999, "healthy", "confirmed"],
    [5_001, 4_999, "degraded", "acks_slow"],
    [5_001, 5_000, "lost", "acks_stalled"],
    [15_000, 4_999, "degraded", "acks_slow"],
    [15_001, 0, "lost", "acks_stalled"],
    [15_001, 4_999, "lost", "acks_stalled"],
  ];
  test.each(rows)(
    "oldest waits %i ms, host silent %i ms: %s, %s",
    (unackedMs, silentMs, is, why) => {
      given(stall(unackedMs, silentMs)).expect(health(is, why));
    },
  );

  test("slow acks become a stall by the host's silence alone, at its moment", () => {
    given(onFastPath(), wait(2_000), manager(unacked(5_001)))
      .expect(health("degraded", "acks_slow"))
      .when(later(2_999))
      .expect(nothingHappened)
      .when(later(1))
      .expect(health("lost", "acks_stalled"));
  });

  test("the silence of a host without a say stalls nothing below 15 s", () => {
    given(onFastPathByManagerAlone(), repeatedly(1_000, 9_000, manager(unacked(5_001))))
      .expect(health("degraded", "acks_slow"))
      .when(manager(unacked(15_000)))
      .expect(health("degraded", "acks_slow"))
      .when(manager(unacked(15_001)))
      .expect(health("lost", "acks_stalled"));
  });

  test("a host that has lost its say by long silence stalls nothing in hindsight", () => {
    given(onFastPath(), repeatedly(1_000, 31_000, manager(ready)))
      .expect(health("stale", "host_silent"))
      .when(manager(unacked(6_000)), later(1))
      .expect(health("stale", "host_silent"), path("fast_path"));
  });

  test("the way back takes 3 s of good evidence", () => {
    given(onFastPath(), manager(unacked(15_001)), wait(500), bothReady)
      .when(wait(2_999), bothReady)
      .expect(health("lost", "acks_stalled"))
      .when(wait(1), bothReady)
      .expect(health("healthy", "recovered"), path("fast_path"), promoted(1, 1));
  });

  test("a relapse starts the 3 s again", () => {
    given(onFastPath(), manager(unacked(15_001)), wait(500), bothReady)
      .when(wait(2_000), manager(unacked(15_001)), wait(500), bothReady)
      .when(wait(2_999), bothReady)
      .expect(health("lost", "acks_stalled"))
      .when(wait(1), bothReady)
      .expect(health("healthy", "recovered"));
  });
});

describe("silence", () => {
  test("both ends: stale at 10 s and lost at 30 s, each at its moment", () => {
    given(onFastPath())
      .when(later(9_999))
      .expect(health("healthy", "confirmed"), nothingHappened)
      .when(later(1))
      .expect(health("stale", "silent"), path("fast_path"), versionRose)
      .when(later(19_999))
      .expect(nothingHappened)
      .when(later(1))
      .expect(health("lost", "silent"), path("http_fallback"), happened("HealthChanged"));
  });

  test("one report after stale is the way back", () => {
    given(onFastPath(), later(12_000))
      .when(host(ready))
      .expect(health("stale", "manager_silent"))
      .when(manager(ready))
      .expect(health("healthy", "recovered"));
  });

  test("after lost it takes 3 s of good evidence", () => {
    given(onFastPath(), later(30_000), bothReady)
      .expect(health("lost", "silent"))
      .when(wait(2_999), bothReady)
      .expect(health("lost", "silent"))
      .when(wait(1), bothReady)
      .expect(health("healthy", "recovered"), promoted(1, 1));
  });

  test("and they have to be 3 s without a silence that would be stale", () => {
    given(onFastPath(), later(30_000), bothReady, wait(10_000), bothReady)
      .expect(health("lost", "silent"))
      .when(wait(3_000), bothReady)
      .expect(health("healthy", "recovered"));
  });

  test("a manager alone that falls silent: the same horizons", () => {
    given(onFastPathByManagerAlone())
      .when(later(9_999))
      .expect(nothingHappened)
      .when(later(1))
      .expect(health("stale", "silent"))
      .when(later(20_000))
      .expect(health("lost", "silent"));
  });

  test("an end that has reported and falls silent while the other is ready: stale at 10 s", () => {
    given(onFastPath(), repeatedly(1_000, 9_000, manager(ready)), later(999))
      .expect(health("healthy", "confirmed"))
      .when(later(1))
      .expect(health("stale", "host_silent"), path("fast_path"));
    given(onFastPath(), repeatedly(1_000, 9_000, host(ready)), later(999))
      .expect(health("healthy", "confirmed"))
      .when(later(1))
      .expect(health("stale", "manager_silent"), path("fast_path"));
  });

  test("it is never lost while the other end goes on", () => {
    given(onFastPath())
      .when(repeatedly(1_000, 120_000, manager(ready)))
      .expect(health("stale", "host_silent"), path("fast_path"), promoted(1, 1));
  });

  test("a host that never reported is not missed", () => {
    given(onFastPathByManagerAlone())
      .when(repeatedly(1_000, 60_000, manager(ready)))
      .expect(health("healthy", "confirmed"));
  });

  test("unless the attach said that it reports", () => {
    given(
      attached({ hostReports: true }),
      acquired("tile", { ttlMs: 300_000 }),
      repeatedly(1_000, 15_000, manager(ready)),
    )
      .expect(promoted(1, 1), health("healthy", "host_silent"))
      .when(repeatedly(1_000, 10_000, manager(ready)))
      .expect(health("stale", "host_silent"));
  });

  test("a later attach that says so takes effect at once", () => {
    given(onFastPathByManagerAlone(), repeatedly(1_000, 20_000, manager(ready)))
      .when(attached({ hostReports: true }))
      .expect(health("stale", "host_silent"), path("fast_path"));
  });

  test("evidence as old as observed_age says: 25 s leave 5 s", () => {
    given(onFastPath(), wait(26_000), manager(ready, { ageMs: 25_000 }))
      .when(later(4_999))
      .expect(health("stale", "silent"))
      .when(later(1))
      .expect(health("lost", "silent"));
  });
});

describe("degraded", () => {
  const troubles: readonly [string, Step, Parameters<typeof health>[1]][] = [
    ["ICE is disconnected", manager(disconnected), "ice_disconnected"],
    ["the host's ICE is disconnected", host(disconnected), "ice_disconnected"],
    ["the acks channel is missing", manager(without("mgr-acks")), "channel_missing"],
    ["the state channel is missing", host(without("mgr-state")), "channel_missing"],
    ["acks are slow", manager(unacked(5_001)), "acks_slow"],
  ];

  test.each(troubles)("when %s, and still usable", (_, trouble, reason) => {
    given(onFastPath(), trouble).expect(health("degraded", reason), path("fast_path"), versionRose);
  });

  test.each(troubles)("after %s the way back takes 3 s of good evidence", (_, trouble, reason) => {
    given(onFastPath(), trouble, wait(1_000), bothReady)
      .when(wait(2_999), bothReady)
      .expect(health("degraded", reason))
      .when(wait(1), bothReady)
      .expect(health("healthy", "recovered"));
  });

  test("the first row that holds gives the reason", () => {
    given(onFastPath())
      .when(manager({ ...without("mgr-acks"), connection: "disconnected", oldestUnackedMs: 6_000 }))
      .expect(health("degraded", "ice_disconnected"))
      .when(manager({ ...without("mgr-acks"), oldestUnackedMs: 6_000 }))
      .expect(health("degraded", "channel_missing"))
      .when(manager(unacked(6_000)))
      .expect(health("degraded", "acks_slow"));
  });

  test("trouble that continues is no further change", () => {
    given(onFastPath(), manager(disconnected))
      .when(wait(1_000), manager(disconnected))
      .expect(happened("ReportReceived"), versionKept);
  });

  test("a connection that is being set up again is not dead", () => {
    given(onFastPath())
      .when(manager({ ...connecting, readyChannels: ["mgr-actions"] }))
      .expect(health("degraded", "ice_disconnected"));
  });
});

describe("a change of health", () => {
  test("names the handshake, both healths and the reason", () => {
    given(onFastPath())
      .when(manager(disconnected))
      .expect(
        event({
          kind: "HealthChanged",
          from: "healthy",
          to: "degraded",
          reason: "ice_disconnected",
        }),
      );
  });

  test("is recorded at its own moment, in order, however late it is noticed", () => {
    given(onFastPath())
      .when(later(45_000))
      .expect(happened("HealthChanged", "HealthChanged"), health("lost", "silent"));
  });

  test("a lost transport stays the current one until a promotion", () => {
    given(onFastPath(), manager(closed), renewed("tile"))
      .expect(promoted(1, 1), (world) => expect(currentIn(world).health).toBe("lost"))
      .when(manager(ready), host(ready))
      .expect(promoted(2, 2), health("healthy", "confirmed"));
  });
});
