import { describe, test } from "vitest";

import { mintHandshakeId } from "../../../src/core/ids.ts";
import { given, type Step, start, type World } from "../given.ts";
import { accepted, happened, nothingHappened, path, promoted, standing } from "../outcomes.ts";
import {
  acquired,
  attached,
  closed,
  detached,
  handshakeChecked,
  host,
  later,
  manager,
  onFastPath,
  ready,
  renegotiated,
  renewed,
  wait,
} from "../steps.ts";

/** An id of ours that was minted so long after the start, and that this record never held. */
function mintedAt(ms: number): string {
  return mintHandshakeId(start + ms, "fedcba9876543210fed", undefined);
}

describe("the standing of a handshake", () => {
  test("goes from in flight to promoted to lingering to retired", () => {
    given(attached(), acquired("tile", { ttlMs: 300_000 }))
      .expect(standing(1, "in_flight"))
      .when(manager(ready))
      .expect(standing(1, "promoted"))
      .when(renegotiated({ reason: "operator" }), manager(ready, { of: 2 }))
      .expect(standing(1, "lingering"), standing(2, "promoted"))
      .when(later(5_000))
      .expect(standing(1, "retired"), standing(2, "promoted"));
  });

  test("goes from in flight to abandoned to retired", () => {
    given(attached(), acquired("tile"), later(15_000))
      .expect(standing(1, "abandoned"))
      .when(later(60_000))
      .expect(standing(1, "retired"));
  });

  test("a lost one is still the promoted one", () => {
    given(onFastPath(), manager(closed)).expect(standing(1, "promoted"), path("http_fallback"));
  });

  const honours: readonly [string, Step, which: number | string, honoured: boolean][] = [
    ["in_flight", renegotiated({ reason: "operator" }), 2, true],
    ["promoted", wait(0), 1, true],
    ["lingering", replaced(0), 1, true],
    ["retired", replaced(5_000), 1, false],
    ["unknown", wait(0), "anything", false],
  ];
  test.each(honours)(
    "signalling for one that is %s continues or not",
    (is, so, which, honoured) => {
      given(onFastPath(), so)
        .when(handshakeChecked(which))
        .expect(accepted({ standing: is, honoured }), nothingHappened);
    },
  );

  test("signalling for an abandoned one continues: it may still win", () => {
    given(attached(), acquired("tile"), later(16_000))
      .when(handshakeChecked(1))
      .expect(accepted({ standing: "abandoned", honoured: true }));
  });
});

describe("an id that the session does not hold", () => {
  test("is retired if it is older than a usable promoted handshake", () => {
    given(onFastPath()).expect(standing(mintedAt(-1), "retired"), standing(mintedAt(1), "unknown"));
  });

  test("is unknown when that one is lost: closing would be our outage", () => {
    given(onFastPath(), manager(closed)).expect(standing(mintedAt(-1), "unknown"));
  });

  test("is retired if it is ours and not younger than the youngest one retired", () => {
    given(attached(), acquired("tile"), later(75_000))
      .expect(standing(1, "retired"), standing(mintedAt(1), "unknown"))
      .expect(standing(mintedAt(-1), "unknown"));
  });

  test("is retired in between too, since this store knew the session when it was minted", () => {
    given(attached(), wait(1_000), acquired("tile", { ttlMs: 5_000 }), later(75_000)).expect(
      standing(mintedAt(0), "retired"),
      standing(mintedAt(999), "retired"),
      standing(mintedAt(-1), "unknown"),
      standing(mintedAt(1_001), "unknown"),
    );
  });

  test("is unknown if we cannot have made it", () => {
    for (const id of ["", "x", "018bcfe5-6800-4000-8000-000000000001", mintedAt(5).toUpperCase()]) {
      given(onFastPath(), renewed("tile")).expect(standing(id, "unknown"));
    }
  });

  test("Fenced: an end that holds a retired handshake gets RETIRED, and its report does not count", () => {
    given(onFastPath(), replaced(5_000))
      .when(manager(ready, { of: 1 }), host(closed, { of: 1 }))
      .expect(accepted({ standing: "retired" }), happened("ReportReceived"), promoted(2, 2));
  });

  test("on a session that was attached again, all earlier handshakes are retired", () => {
    given(onFastPath(), wait(20_000), detached("closed"), attached()).expect(
      standing(1, "retired"),
      standing(mintedAt(10_000), "unknown"),
    );
  });
});

/** Handshake 2 has replaced handshake 1 so long ago. */
function replaced(agoMs: number): Step {
  return (world: World) => {
    renegotiated({ reason: "operator" })(world);
    manager(ready, { of: 2 })(world);
    host(ready, { of: 2 })(world);
    later(agoMs)(world);
  };
}
