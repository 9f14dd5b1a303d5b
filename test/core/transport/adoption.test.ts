import { describe, expect, test } from "vitest";

import { mintHandshakeId } from "../../../src/core/ids.ts";
import { given, type Step, start } from "../given.ts";
import {
  accepted,
  event,
  health,
  inFlight,
  nonePromoted,
  nothingHappened,
  path,
  promoted,
  sessionOf,
  standing,
  startedHandshake,
} from "../outcomes.ts";
import {
  acquired,
  actionsOnly,
  attached,
  closed,
  connecting,
  detached,
  disconnected,
  failed,
  host,
  later,
  manager,
  onFastPath,
  ready,
  renegotiated,
  renewed,
  storeLost,
  together,
  unacked,
  wait,
} from "../steps.ts";

const day = 24 * 60 * 60 * 1000;
const bits = "fedcba9876543210fed";

/** An id of ours that the session never started, this much younger than it. */
function foreign(youngerMs: number): string {
  return mintHandshakeId(start + youngerMs, bits, undefined);
}

const fromElsewhere = foreign(60_000);

/** A live rally, and then the service is there again with an empty store. */
const emptied: Step = together(onFastPath(), wait(5_000), storeLost(), attached());

describe("after a lost store", () => {
  test("no end has to close: what the ends hold is unknown, not retired", () => {
    given(emptied)
      .when(host(ready))
      .expect(accepted({ standing: "unknown" }), path("pending"));
  });

  test("a handshake that the manager reports ready while none is usable is adopted", () => {
    given(emptied)
      .when(manager(ready, { knows: 1 }))
      .expect(accepted({ standing: "promoted" }), promoted(1, 2), path("fast_path"))
      .expect(
        health("healthy", "adopted"),
        event({ kind: "HandshakePromoted", reason: "adopted" }),
      );
  });

  test("Fenced: and above the session's own", () => {
    given(emptied, acquired("tile"), manager(ready), manager(closed))
      .when(manager(ready, { of: fromElsewhere, knows: 1 }))
      .expect(promoted(fromElsewhere, 3));
  });

  test("the host's report alone adopts nothing", () => {
    given(emptied).when(host(ready)).expect(nonePromoted);
  });

  const unready: readonly [string, Step][] = [
    ["connecting", manager(connecting)],
    ["disconnected", manager(disconnected)],
    ["failed", manager(failed)],
    ["closed", manager(closed)],
  ];
  test.each(unready)("one that the manager reports %s is not adopted", (_, word) => {
    given(emptied).when(word).expect(nonePromoted, standing(1, "unknown"));
  });

  test("one without a required channel is not adopted", () => {
    given(onFastPath(), storeLost(), attached({ requiredChannels: ["mgr-actions", "mgr-acks"] }))
      .when(manager(actionsOnly))
      .expect(nonePromoted)
      .when(manager(ready))
      .expect(promoted(1, 2));
  });

  test("the next handshake is younger than the adopted one, whatever the clock says", () => {
    given(attached(), manager(ready, { of: fromElsewhere }))
      .expect(promoted(fromElsewhere, 1))
      .when(acquired("tile"), renegotiated({ reason: "operator" }))
      .expect((world) => expect(world.handshake() > fromElsewhere).toBe(true));
  });

  test("an id from up to a day ahead is adopted, and leaves room for all that follow", () => {
    const ahead = foreign(day);
    given(attached(), manager(ready, { of: ahead }), manager(closed, { of: ahead }))
      .when(acquired("tile"))
      .expect(startedHandshake(1), inFlight(1))
      .when(manager(ready), manager(closed), wait(1_500), renewed("tile"))
      .expect(startedHandshake(2), standing(1, "promoted"))
      .when(manager(ready))
      .expect(promoted(2, 3));
  });

  const impossible: readonly [what: string, id: string][] = [
    ["from more than a day ahead", foreign(day + 1)],
    ["from the middle of time", "7fffffff-ffff-7fff-bfff-ffffffffffff"],
    ["from the end of time", "ffffffff-ffff-7fff-bfff-ffffffffffff"],
  ];
  test.each(impossible)("an id %s is unknown and never adopted", (_, id) => {
    given(attached(), manager(ready, { of: id }))
      .expect(accepted({ standing: "unknown" }), nonePromoted, standing(id, "unknown"))
      .when(acquired("tile"))
      .expect(startedHandshake(1))
      .when(manager(ready), manager(closed), renewed("tile"))
      .expect(startedHandshake(2), standing(id, "unknown"))
      .when(manager(ready), host(ready))
      .expect(promoted(2, 2), standing(id, "unknown"));
  });
});

test.each([
  ["of another kind", "018bcfe5-6800-4000-8000-000000000001"],
  ["of no kind", "from elsewhere"],
])("an id %s is adopted, stands in nobody's way, and is never called retired", (_, id) => {
  given(attached(), manager(ready, { of: id }))
    .expect(accepted({ standing: "promoted" }), promoted(id, 1))
    .when(acquired("tile"), manager(closed, { of: id }), renewed("tile"))
    .expect(startedHandshake(1), inFlight(1))
    .when(manager(ready), host(ready), wait(5_000), renewed("tile"))
    .expect(promoted(1, 2), standing(id, "unknown"));
});

describe("when something else is known", () => {
  test("nothing is adopted over a usable fast path", () => {
    given(onFastPath(), manager(ready, { of: fromElsewhere })).expect(
      promoted(1, 1),
      standing(fromElsewhere, "unknown"),
    );
  });

  test("but at once when that dies and the report is fresh", () => {
    given(onFastPath(), manager(ready, { of: fromElsewhere }))
      .when(manager(closed, { of: 1 }))
      .expect(promoted(fromElsewhere, 2), standing(1, "lingering"));
    given(onFastPath(), manager(ready, { of: fromElsewhere }), wait(10_000))
      .when(manager(closed, { of: 1 }))
      .expect(promoted(1, 1), path("http_fallback"));
  });

  test("an adopted one ends the negotiation in flight: the first channel wins", () => {
    given(attached(), acquired("tile"))
      .when(manager(ready, { of: fromElsewhere }))
      .expect(promoted(fromElsewhere, 1), inFlight(undefined), standing(1, "retired"));
  });

  test("handshakes that the session holds come before others", () => {
    given(attached({ hostReports: true }), acquired("tile"), host(ready))
      .when(manager(ready))
      .expect(promoted(1, 1));
  });

  test("a retired one is never adopted", () => {
    given(attached(), acquired("tile"), later(75_000))
      .expect(standing(1, "retired"))
      .when(manager(ready, { of: 1 }))
      .expect(nonePromoted, accepted({ standing: "retired" }));
  });

  test("nor one that was unknown when reported and has been retired since", () => {
    const younger = foreign(1);
    given(onFastPath(), manager(ready, { of: younger }))
      .expect(standing(younger, "unknown"))
      .when(wait(10), renegotiated({ reason: "operator" }), manager(ready), host(ready))
      .when(renegotiated({ reason: "operator" }), manager(ready), host(ready))
      .when(later(5_000))
      .expect(standing(2, "retired"))
      .when(manager(closed))
      .expect(standing(younger, "retired"), promoted(3, 3), path("http_fallback"));
  });

  test("one adopted by time alone is not undone by an old report of its host", () => {
    const [a, b] = [foreign(1), foreign(2)];
    given(attached(), manager(ready, { of: a }), host(unacked(5_001), { of: b }))
      .when(wait(20_001), manager(ready, { of: b }), later(9_999))
      .expect(promoted(b, 2), health("stale", "host_silent"))
      .when(later(0))
      .expect(nothingHappened, path("fast_path"));
  });

  test("the two newest unrecognised handshakes are kept", () => {
    const ids = [foreign(1), foreign(2), foreign(3)];
    const named = [...ids, "ffffffff-ffff-7fff-bfff-ffffffffffff"].map((of) =>
      manager(ready, { of }),
    );
    given(onFastPath(), ...named).expect((world) =>
      expect(sessionOf(world).transport.unrecognised.map((one) => one.id)).toEqual(ids.slice(1)),
    );
  });

  test("an adopted one is a fast path like any other", () => {
    given(emptied, manager(ready, { knows: 1 }), host(ready), acquired("tile"))
      .when(renewed("tile"))
      .expect(promoted(1, 2), inFlight(undefined))
      .when(manager(closed), renewed("tile"), manager(ready), host(ready))
      .expect(promoted(2, 3), standing(1, "lingering"));
  });
});

describe("after a detach", () => {
  test("Fenced: the handshakes of before stay retired, and nothing is adopted from them", () => {
    given(onFastPath(), detached(), attached())
      .when(manager(ready, { of: 1 }), host(ready, { of: 1 }))
      .expect(nonePromoted, standing(1, "retired"), path("pending"));
  });
});
