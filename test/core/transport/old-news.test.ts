import { describe, expect, test } from "vitest";

import { defaultPolicy, policyFaults, sharedPolicy } from "../../../src/core/policy.ts";
import { given, type Step } from "../given.ts";
import {
  accepted,
  currentIn,
  happened,
  health,
  inFlight,
  nextDeadlineAt,
  path,
  promoted,
  standing,
  startedHandshake,
} from "../outcomes.ts";
import {
  acquired,
  attached,
  closed,
  disconnected,
  host,
  later,
  manager,
  noConnection,
  onFastPath,
  onFastPathByManagerAlone,
  policy,
  ready,
  renegotiated,
  renewed,
  repeatedly,
  stalled,
  unacked,
  wait,
  without,
} from "../steps.ts";

/** As processes that share a store decide: a report without news is recorded every 3 s. */
const shared: Step = policy(sharedPolicy(defaultPolicy));
/** Both ends report each second, as asked. */
const goingOn = (forMs: number): Step => repeatedly(1_000, forMs, manager(ready), host(ready));

/** Both ends about the promoted handshake, beside the one that replaces it. */
const ofFirst: Step = (world) => {
  for (const report of [manager(ready, { of: 1 }), host(ready, { of: 1 })]) report(world);
};

test("the policy of processes that share a store keeps the relations between its limits", () => {
  expect(policyFaults(sharedPolicy(defaultPolicy))).toEqual([]);
});

/** Nothing of the report is recorded but its place in the order. */
const spared = happened("ReportPlaced");

describe("a report without news of a healthy fast path", () => {
  test("is recorded 3 s after the one before, and not sooner", () => {
    given(shared, onFastPath())
      .when(wait(2_999), manager(ready))
      .expect(spared, accepted({ standing: "promoted" }))
      .when(wait(1), manager(ready))
      .expect(happened("ReportReceived"))
      .when(wait(2_999), manager(ready))
      .expect(spared);
  });

  test("is as old as its observed_age", () => {
    given(shared, onFastPath())
      .when(wait(4_000), manager(ready, { ageMs: 1_001 }))
      .expect(spared)
      .when(manager(ready, { ageMs: 1_000 }))
      .expect(happened("ReportReceived"));
  });

  test("of one end does not make the other's older", () => {
    given(shared, onFastPath())
      .when(wait(3_000), manager(ready), host(ready))
      .expect(happened("ReportReceived"))
      .when(manager(ready))
      .expect(spared);
  });

  test("is recorded each time where one process decides alone", () => {
    given(onFastPath()).when(wait(1), manager(ready)).expect(happened("ReportReceived"));
  });

  test("may report actions that wait for an acknowledgement, as long as it is not slow", () => {
    given(shared, onFastPath())
      .when(manager(unacked(5_000)))
      .expect(spared)
      .when(manager(unacked(5_001)))
      .expect(health("degraded", "acks_slow"));
  });

  test("counts after a gap in which it could not have been reported", () => {
    given(shared, onFastPath(), stalled(2_000), wait(2_999), manager(ready))
      .when(wait(1), manager(ready))
      .expect(happened("ReportReceived"));
  });
});

describe("a report with news is recorded at once:", () => {
  const recorded = (...steps: readonly Step[]): void => {
    given(shared, onFastPath())
      .when(...steps)
      .expect(({ last }) => {
        expect(last.decision.events[0]).toMatchObject({ kind: "ReportReceived" });
      });
  };

  test("other channels", () => recorded(manager(without("mgr-state"))));
  test("another state of the connection", () => recorded(host(disconnected)));
  test("the end of the connection", () => recorded(manager(closed)));
  test("another connection", () => recorded(manager(ready, { transport: "second" })));
  test("another reporter", () => recorded(manager(ready, { by: "manager-process-2" })));
  test("that the end knows of the promotion", () => recorded(manager(ready, { generation: 1 })));
  test("that the end holds no connection", () => {
    recorded(manager(noConnection));
    recorded(manager(noConnection, { by: "manager-process-2" }));
  });
  test("that a reporter is still there, while another claims that none is", () => {
    recorded(manager(noConnection, { by: "manager-process-2" }), manager(ready));
  });
  test("that a reporter takes its claim back, while another is there", () => {
    recorded(
      manager(ready, { by: "manager-process-2" }),
      manager(ready),
      manager(noConnection),
      manager(ready),
    );
  });
  test("that a reporter is there which was overtaken by another", () => {
    recorded(manager(ready, { by: "manager-process-2", ageMs: 1 }));
  });
  test("that acknowledgements are slow no more", () => {
    given(shared, onFastPath(), manager(unacked(5_001)))
      .when(wait(1_000), manager(ready))
      .expect(happened("ReportReceived"));
  });
});

describe("every notice is recorded", () => {
  test("while a replacement is negotiated", () => {
    given(shared, onFastPath(), wait(10_000), manager(ready), host(ready))
      .when(renegotiated({ by: "tile", seen: 1 }))
      .expect(startedHandshake(2))
      .when(wait(1), manager(ready, { of: 1 }))
      .expect(happened("ReportReceived"));
  });

  test("about any other handshake than the promoted one", () => {
    given(shared, onFastPath(), wait(10_000), manager(ready), host(ready))
      .when(renegotiated({ by: "tile", seen: 1 }), manager(disconnected, { of: 2 }))
      .expect(happened("ReportReceived"), inFlight(2));
    // Also while the promoted one is all that is left, and the word is not even new.
    given(shared, onFastPath(), goingOn(10_000))
      .when(renegotiated({ by: "tile", seen: 1 }), repeatedly(1_000, 15_000, ofFirst))
      .expect(standing(2, "abandoned"), health("healthy", "confirmed"))
      .when(manager(disconnected, { of: 2 }), wait(1), manager(disconnected, { of: 2 }))
      .expect(happened("ReportReceived"));
  });

  test("while the fast path is degraded, stale or lost", () => {
    given(shared, onFastPath(), manager(disconnected), wait(1), manager(disconnected))
      .expect(happened("ReportReceived"), health("degraded", "ice_disconnected"))
      .when(later(30_000), manager(disconnected), wait(1), manager(disconnected))
      .expect(happened("ReportReceived"));
  });
});

describe("what goes by it all the same", () => {
  test("both ends go on and the fast path stays healthy, recorded once in 3 s", () => {
    given(shared, onFastPath()).expect((world) => {
      let recorded = 0;
      const both = [manager(ready), host(ready)].map(
        (report): Step =>
          (world) => {
            report(world);
            recorded += world.last.decision.events.some(({ kind }) => kind === "ReportReceived")
              ? 1
              : 0;
          },
      );
      repeatedly(1_000, 60_000, ...both)(world);
      health("healthy", "confirmed")(world);
      expect(recorded).toBe(2 * 20);
    });
  });

  test("silence is found in its time, at most 3 s early", () => {
    // Recorded last at 18 s, and said last at 20 s.
    given(shared, onFastPath(), goingOn(20_000))
      .expect(nextDeadlineAt(28_000))
      .when(later(6_999))
      .expect(health("healthy", "confirmed"))
      .when(later(3_001))
      .expect(health("stale", "silent"))
      .when(later(16_999))
      .expect(path("fast_path"))
      .when(later(3_001))
      .expect(health("lost", "silent"));
  });

  test("one end that falls silent is noticed beside one that continues", () => {
    given(shared, onFastPath(), goingOn(20_000))
      .when(repeatedly(1_000, 6_000, manager(ready)))
      .expect(health("healthy", "confirmed"))
      .when(repeatedly(1_000, 4_000, manager(ready)))
      .expect(health("stale", "host_silent"));
  });

  test("a dead end is found at once, and the next renewal recovers", () => {
    given(shared, onFastPath(), goingOn(20_000), wait(500))
      .when(host(closed))
      .expect(health("lost", "connection_closed"))
      .when(renewed("tile"))
      .expect(startedHandshake(2));
  });

  test("an end that was restarted is found once the silence of the one before is certain", () => {
    // What it said last may be 3 s younger than what is recorded.
    given(shared, onFastPath(), goingOn(20_000), manager(noConnection, { by: "manager-process-2" }))
      .when(repeatedly(1_000, 3_000, host(ready)))
      .expect(health("healthy", "confirmed"))
      .when(repeatedly(1_000, 3_000, host(ready)))
      .expect(health("lost", "end_restarted"));
  });

  test("managers that hand over do not take each other for dead", () => {
    const claims = manager(noConnection, { by: "manager-process-2" });
    given(shared, onFastPath(), goingOn(20_000))
      .when(repeatedly(1_000, 20_000, manager(ready), host(ready), claims))
      .expect(health("healthy", "confirmed"), path("fast_path"));
  });

  test("a handover ends with the new manager's promotion, and the old one's reports no longer count", () => {
    const next = { by: "manager-process-2" } as const;
    given(shared, onFastPath(), goingOn(20_000))
      .when(attached({ managerUrl: "http://manager-2" }), renegotiated({ by: "tile", seen: 1 }))
      .expect(startedHandshake(2))
      .when(manager(ready, { of: 2, ...next }), host(ready, { of: 2 }))
      .expect(promoted(2, 2), standing(1, "lingering"))
      .when(manager(closed, { of: 1 }))
      .expect(health("healthy", "confirmed"))
      .when(repeatedly(1_000, 20_000, manager(ready, { of: 2, ...next }), host(ready, { of: 2 })))
      .expect(health("healthy", "confirmed"));
  });

  test("a replacement is confirmed with every channel that the current has now", () => {
    given(shared, onFastPath(), goingOn(20_000))
      .when(manager(without("mgr-state"), { of: 1 }), host(without("mgr-state"), { of: 1 }))
      .when(renegotiated({ by: "tile", seen: 1 }))
      .when(manager(without("mgr-state"), { of: 2 }), host(without("mgr-state"), { of: 2 }))
      .expect(promoted(2, 2));
  });

  test("the host has its say for as long as it reports", () => {
    given(shared, onFastPathByManagerAlone(), host(ready))
      .when(repeatedly(1_000, 40_000, manager(ready), host(ready)))
      .when(renegotiated({ by: "tile", seen: 1 }), manager(ready, { of: 2 }))
      .expect(promoted(1, 1), inFlight(2))
      .when(host(ready, { of: 2 }))
      .expect(promoted(2, 2));
  });

  test("the first negotiation is as quick as ever", () => {
    given(shared, attached({ hostReports: true }), acquired("tile"))
      .when(manager(ready), host(ready))
      .expect(promoted(1, 1), ({ record }) => expect(record?.kind).toBe("attached"))
      .expect((world) => expect(currentIn(world).health).toBe("healthy"));
  });
});
