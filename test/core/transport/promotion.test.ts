import { describe, expect, test } from "vitest";

import { given, type Step, start } from "../given.ts";
import {
  accepted,
  currentIn,
  event,
  happened,
  health,
  inFlight,
  lastChange,
  nonePromoted,
  nothingHappened,
  path,
  promoted,
  sessionOf,
  standing,
  startedHandshake,
  versionRose,
} from "../outcomes.ts";
import {
  acquired,
  actionsOnly,
  at,
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
  policy,
  ready,
  renegotiated,
  renewed,
  repeatedly,
  together,
  wait,
  without,
} from "../steps.ts";

const asked: Step = together(attached(), acquired("tile", { ttlMs: 300_000 }));
const askedWithHost: Step = together(
  attached({ hostReports: true }),
  acquired("tile", { ttlMs: 300_000 }),
);

/** The first handshake is in use and both ends keep saying so; the second is in flight. */
const replacing: Step = together(
  onFastPath(),
  repeatedly(5_000, 10_000, manager(ready), host(ready)),
  renegotiated({ by: "tile", seen: 1 }),
);

describe("who has to confirm", () => {
  test("a host that never reported has no say: the manager's report is enough", () => {
    given(asked)
      .when(manager(ready))
      .expect(promoted(1, 1), happened("ReportReceived", "HandshakePromoted"), versionRose)
      .expect(
        health("healthy", "confirmed"),
        path("fast_path"),
        lastChange("promoted", "confirmed"),
      );
  });

  test("the host's report alone is not enough", () => {
    given(asked).when(host(ready)).expect(nonePromoted, inFlight(1), path("pending"));
  });

  test("a host attached with host_reports has a say from the first handshake on", () => {
    given(askedWithHost)
      .when(manager(ready))
      .expect(nonePromoted, inFlight(1))
      .when(host(ready))
      .expect(promoted(1, 1));
  });

  test("the order of the two words does not matter", () => {
    given(askedWithHost).when(host(ready), manager(ready)).expect(promoted(1, 1));
  });

  test("both have to name the same handshake", () => {
    given(replacing)
      .when(manager(ready, { of: 2 }), host(ready, { of: 1 }))
      .expect(promoted(1, 1), inFlight(2));
  });

  const says: readonly [sinceMs: number, says: boolean][] = [
    [29_999, true],
    [30_000, false],
  ];
  test.each(says)("a host that reported %i ms ago has a say: %s", (sinceMs, hasSay) => {
    given(policy({ negotiationTimeoutMs: 60_000 }), asked, host(connecting))
      .when(wait(sinceMs), manager(ready))
      .expect(hasSay ? nonePromoted : promoted(1, 1));
  });

  test("a report about any handshake gives the host its say", () => {
    given(asked, host(ready, { of: "another" }))
      .when(manager(ready))
      .expect(nonePromoted)
      .when(host(ready))
      .expect(promoted(1, 1));
  });

  const notReady: readonly [string, Step][] = [
    ["connecting", manager(connecting)],
    ["disconnected", manager(disconnected)],
    ["failed", manager(failed)],
    ["without the required channel", manager(without("mgr-actions"))],
    ["observed too long ago", manager(ready, { ageMs: 10_000 })],
  ];
  test.each(notReady)("a manager that is %s confirms nothing", (_, word) => {
    given(asked, wait(14_000)).when(word).expect(nonePromoted, inFlight(1), path("pending"));
  });

  test("an observation just under 10 s old still confirms", () => {
    given(asked, wait(9_999))
      .when(manager(ready, { ageMs: 9_999 }))
      .expect(promoted(1, 1));
  });

  test("with nothing in use, the required channels are enough", () => {
    given(asked)
      .when(manager(actionsOnly))
      .expect(promoted(1, 1), health("degraded", "channel_missing"));
  });

  test("every required channel is needed", () => {
    given(attached({ requiredChannels: ["mgr-actions", "mgr-acks"] }), acquired("tile"))
      .when(manager(actionsOnly))
      .expect(nonePromoted)
      .when(manager({ ...ready, readyChannels: ["mgr-acks", "mgr-actions"] }))
      .expect(promoted(1, 1));
  });
});

describe("over a usable fast path", () => {
  test("Overlapped: the old one stays until the new one is confirmed, then lingers 5 s", () => {
    given(replacing)
      .when(manager(ready, { of: 2 }))
      .expect(promoted(1, 1), standing(1, "promoted"), standing(2, "in_flight"))
      .when(host(ready, { of: 2 }))
      .expect(promoted(2, 2), standing(1, "lingering"), inFlight(undefined), path("fast_path"))
      .when(later(4_999))
      .expect(standing(1, "lingering"))
      .when(later(1))
      .expect(standing(1, "retired"), event({ kind: "HandshakeRetired", reason: "linger_over" }));
  });

  test("Overlapped: it is never confirmed with fewer ready channels than the one in use", () => {
    given(replacing)
      .when(manager(actionsOnly, { of: 2 }), host(ready, { of: 2 }))
      .expect(promoted(1, 1), inFlight(2))
      .when(host(actionsOnly, { of: 2 }), manager(ready, { of: 2 }))
      .expect(promoted(1, 1), inFlight(2))
      .when(host(ready, { of: 2 }))
      .expect(promoted(2, 2));
  });

  test("a channel that the one in use has lost is not asked of its replacement", () => {
    given(replacing, manager(without("mgr-acks"), { of: 1 }), host(without("mgr-acks"), { of: 1 }))
      .when(manager(without("mgr-acks"), { of: 2 }), host(without("mgr-acks"), { of: 2 }))
      .expect(promoted(2, 2));
  });

  test("Overlapped: if it fails, the current one stays", () => {
    given(replacing)
      .when(manager(failed, { of: 2 }), host(failed, { of: 2 }))
      .expect(promoted(1, 1), path("fast_path"), health("healthy", "confirmed"))
      .when(repeatedly(5_000, 15_000, manager(ready, { of: 1 }), host(ready, { of: 1 })))
      .expect(promoted(1, 1), path("fast_path"), inFlight(undefined), standing(2, "abandoned"));
  });

  test("at confirmBy the manager's report alone is not enough: the ends disagree", () => {
    given(replacing)
      .when(repeatedly(5_000, 10_000, manager(ready, { of: 2 }), host(ready, { of: 1 })))
      .when(manager(ready, { of: 1 }), later(5_000))
      .expect(event({ kind: "HandshakeAbandoned", reason: "ends_disagree" }))
      .expect(
        promoted(1, 1),
        standing(2, "abandoned"),
        lastChange("negotiation_abandoned", "ends_disagree"),
      );
  });

  test("when neither end got it ready, the time is over", () => {
    given(replacing)
      .when(repeatedly(5_000, 10_000, manager(ready, { of: 1 }), host(ready, { of: 1 })))
      .when(later(5_000))
      .expect(event({ kind: "HandshakeAbandoned", reason: "confirm_timeout" }), promoted(1, 1));
  });

  test("an abandoned one does not win over a usable one, however ready", () => {
    given(replacing)
      .when(repeatedly(5_000, 15_000, manager(ready, { of: 1 }), host(ready, { of: 1 })))
      .expect(standing(2, "abandoned"))
      .when(manager(ready, { of: 2 }), host(ready, { of: 2 }))
      .expect(promoted(1, 1), standing(2, "abandoned"));
  });

  test("but wins at once when the usable one dies", () => {
    given(replacing)
      .when(repeatedly(5_000, 15_000, manager(ready, { of: 1 }), host(ready, { of: 1 })))
      .when(manager(ready, { of: 2 }), host(ready, { of: 2 }))
      .when(manager(closed, { of: 1 }))
      .expect(promoted(2, 2), path("fast_path"), standing(1, "lingering"));
  });

  test("one in flight that lacked a channel of the dead one wins when that dies", () => {
    given(replacing, manager(actionsOnly, { of: 2 }), host(actionsOnly, { of: 2 }))
      .expect(promoted(1, 1))
      .when(host(closed, { of: 1 }))
      .expect(promoted(2, 2), health("degraded", "channel_missing"));
  });
});

describe("from confirmBy on, with nothing usable", () => {
  test("before it, the manager's report alone waits for a host with a say", () => {
    given(askedWithHost, manager(ready))
      .when(repeatedly(1_000, 14_000, manager(ready)), later(999))
      .expect(nonePromoted, inFlight(1));
  });

  test("at it, a handshake that the manager alone reports ready is promoted all the same", () => {
    given(askedWithHost, wait(14_000), manager(ready))
      .when(at(15_000), later(0))
      .expect(promoted(1, 1), event({ kind: "HandshakePromoted", reason: "host_silent" }));
  });

  test("unless the host spoke against it", () => {
    given(askedWithHost, wait(14_000), manager(ready), host(failed))
      .when(later(1_000))
      .expect(nonePromoted, standing(1, "abandoned"))
      .expect(
        event({ kind: "HandshakeAbandoned", reason: "ends_disagree" }),
        path("http_fallback"),
      );
  });

  test("that it still connects is speaking against it", () => {
    given(askedWithHost, wait(14_000), manager(ready), host(connecting))
      .when(later(1_000))
      .expect(nonePromoted, event({ kind: "HandshakeAbandoned", reason: "ends_disagree" }));
  });

  test("saying that it has no connection speaks against it", () => {
    given(askedWithHost, wait(14_000), manager(ready), host(noConnection))
      .when(later(1_000))
      .expect(nonePromoted);
  });

  test("that it reports another handshake ready is speaking against it", () => {
    given(askedWithHost, later(15_000), wait(1_000), renewed("tile"), wait(14_000))
      .when(host(ready, { of: 1 }), manager(ready, { of: 2 }))
      .when(later(1_000))
      .expect(nonePromoted, standing(2, "abandoned"));
  });

  test("when no end is ready, the first negotiation ends in the fallback", () => {
    given(asked)
      .when(later(15_000))
      .expect(happened("HandshakeAbandoned", "NegotiationDelayed"), nonePromoted)
      .expect(path("http_fallback"), standing(1, "abandoned"), versionRose);
  });

  test("a handshake that takes 17 s still wins when nothing else is up", () => {
    given(askedWithHost, later(15_000))
      .when(wait(2_000), manager(ready))
      .expect(promoted(1, 1), health("healthy", "host_silent"), path("fast_path"));
  });

  test("once the host is ready as well, it is confirmed rather than silent", () => {
    given(askedWithHost, later(15_000))
      .when(host(ready), manager(ready))
      .expect(promoted(1, 1), event({ kind: "HandshakePromoted", reason: "confirmed" }));
  });
});

describe("first channel wins", () => {
  const second: Step = together(asked, later(15_000), wait(1_000), renewed("tile"));

  test("an abandoned handshake may win over the one in flight, which is then retired", () => {
    given(second)
      .expect(startedHandshake(2))
      .when(manager(ready, { of: 1 }))
      .expect(promoted(1, 1), inFlight(undefined), standing(2, "retired"))
      .expect(event({ kind: "HandshakeRetired", reason: "outrun" }));
  });

  test("the one in flight may win over the abandoned, which is then retired", () => {
    given(second)
      .when(manager(ready, { of: 2 }))
      .expect(promoted(2, 1), standing(1, "retired"));
  });

  test("its attempts are counted, and restart after a promotion", () => {
    given(second)
      .expect(accepted({ negotiation: { offer: { attempt: 2 } } }))
      .when(manager(ready), manager(closed), renewed("tile"))
      .expect(accepted({ negotiation: { offer: { attempt: 1 } } }));
  });

  test("the two youngest abandoned ones are kept", () => {
    given(second, later(15_000), wait(2_000), renewed("tile"))
      .when(later(15_000))
      .expect(standing(1, "retired"), standing(2, "abandoned"), standing(3, "abandoned"))
      .expect(event({ kind: "HandshakeRetired", reason: "crowded_out" }));
  });

  test("an abandoned one is honoured for 60 s", () => {
    given(asked, later(15_000))
      .when(later(59_999))
      .expect(standing(1, "abandoned"))
      .when(later(1))
      .expect(
        standing(1, "retired"),
        event({ kind: "HandshakeRetired", reason: "abandonment_over" }),
      )
      .when(manager(ready, { of: 1 }))
      .expect(nonePromoted, happened("ReportReceived"));
  });

  test("a lingering one never comes back", () => {
    given(onFastPath(), manager(closed), renewed("tile"), manager(ready), host(ready))
      .expect(promoted(2, 2), standing(1, "lingering"))
      .when(manager(closed, { of: 2 }), manager(ready, { of: 1 }), host(ready, { of: 1 }))
      .expect(promoted(2, 2), path("http_fallback"), standing(1, "lingering"));
  });

  test("a second promotion within the linger retires the first of the three at once", () => {
    given(replacing, manager(ready, { of: 2 }), host(ready, { of: 2 }))
      .when(renegotiated({ reason: "operator" }), manager(ready), host(ready))
      .expect(promoted(3, 3), standing(2, "lingering"), standing(1, "retired"));
  });
});

test("Overlapped: the report that the current has lost a channel lets one without it win", () => {
  const word = without("mgr-acks");
  given(replacing, manager(word, { of: 2 }), host(word, { of: 2 }), manager(word, { of: 1 }))
    .expect(promoted(1, 1), inFlight(2))
    .when(host(word, { of: 1 }))
    .expect(promoted(2, 2));
});

describe("after a promotion", () => {
  test("Fenced: each one has a greater generation", () => {
    given(replacing, manager(ready, { of: 2 }), host(ready, { of: 2 })).expect((world) => {
      expect(world.generation(2)).toBeGreaterThan(world.generation(1));
      expect(sessionOf(world).transport.generation).toBe(world.generation(2));
    });
  });

  test("Fenced: it is the moment of the promotion, in milliseconds", () => {
    given(asked, wait(1_234.5), manager(ready)).expect((world) => {
      expect(sessionOf(world).transport.generation).toBe(start + 1_234);
    });
  });

  test("Fenced: and one more than the last if that is greater", () => {
    given(onFastPath())
      .when(renegotiated({ reason: "operator" }), manager(ready), host(ready))
      .expect((world) => expect(sessionOf(world).transport.generation).toBe(start + 1));
  });

  test("its channels are those it was started with", () => {
    given(onFastPathByManagerAlone(), attached({ requiredChannels: ["x"] })).expect((world) =>
      expect(currentIn(world).channels).toEqual(["mgr-actions"]),
    );
  });

  test("a repeated report changes nothing shown", () => {
    given(onFastPath()).when(manager(ready)).expect(happened("ReportReceived"));
    given(onFastPath())
      .when(manager(ready, { sequence: 1 }))
      .expect(nothingHappened);
  });
});
