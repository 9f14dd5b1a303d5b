import { describe, expect, test } from "vitest";

import {
  type EndedMiss,
  type EndedNegotiation,
  endedMisses,
  endedNegotiations,
} from "../../../src/core/transport/outcomes.ts";
import { type Check, given, type Step } from "../given.ts";
import {
  absent,
  acquired,
  attached,
  closed,
  detached,
  host,
  later,
  manager,
  onFastPath,
  ready,
  released,
  renegotiated,
  renewed,
  together,
  unacked,
  wait,
} from "../steps.ts";

const held: Step = together(attached(), acquired("tile", { ttlMs: 300_000 }));

describe("the time without a fast path, for whoever holds a lease, ends", () => {
  test("with the first promotion, and began with the lease and not with the attach", () => {
    given(attached(), wait(60_000), acquired("tile", { ttlMs: 300_000 }), wait(1_200))
      .when(manager(ready))
      .expect(missed({ missing: "first", endedBy: "promoted" }, 1_200));
  });

  test("with the promotion that follows a loss", () => {
    given(onFastPath(), wait(2_000), manager(closed), wait(400), renewed("tile"), wait(1_500))
      .when(manager(ready))
      .expect(nothingMissed)
      .when(host(ready))
      .expect(missed({ missing: "lost", endedBy: "promoted" }, 1_900));
  });

  test("with the recovery of the same transport", () => {
    given(onFastPath(), wait(1_000), manager(unacked(20_000)), wait(1_000), manager(ready))
      .when(wait(3_000), manager(ready))
      .expect(missed({ missing: "lost", endedBy: "recovered" }, 4_000));
  });

  test("when nobody holds a lease any more, and begins anew with the next one", () => {
    given(held, wait(5_000), acquired("agent", { ttlMs: 300_000 }), released("tile"))
      .when(released("agent"))
      .expect(missed({ missing: "first", endedBy: "unheld" }, 5_000))
      .when(wait(60_000), acquired("tile", { ttlMs: 300_000 }), wait(700), manager(ready))
      .expect(missed({ missing: "first", endedBy: "promoted" }, 700));
  });

  test("when the last lease expires, at that moment and not when it is noticed", () => {
    given(attached(), acquired("tile", { ttlMs: 30_000 }))
      .when(wait(90_000), acquired("agent"))
      .expect(missed({ missing: "first", endedBy: "unheld" }, 30_000));
  });

  test("after an absence of the service, which counts", () => {
    given(held, wait(1_000), absent(8_000), wait(1_000))
      .when(manager(ready))
      .expect(missed({ missing: "first", endedBy: "promoted" }, 10_000));
  });

  test("not when a usable path is replaced", () => {
    given(onFastPath(), wait(10_000), manager(ready), renegotiated({ by: "tile", seen: 1 }))
      .when(manager(ready), host(ready))
      .expect(nothingMissed);
  });
});

describe("a negotiation ends", () => {
  test("with the promotion of its handshake", () => {
    given(held).when(manager(ready)).expect(ended("acquired", "promoted"));
  });

  test("with its deadline", () => {
    given(held).when(later(15_000)).expect(ended("acquired", "abandoned"));
  });

  test("when an earlier handshake wins after all", () => {
    given(held, later(20_000), renewed("tile"))
      .when(manager(ready, { of: 1 }))
      .expect(ended("renewed", "outrun"));
  });

  test("with its session, once only", () => {
    given(held).when(detached()).expect(ended("acquired", "detached"));
    given(held, later(15_000)).when(detached()).expect(noneEnded);
  });
});

type Miss = Pick<EndedMiss, "missing" | "endedBy">;

/** With the last step, such a stretch ended that had lasted for this long. */
function missed(wanted: Miss, forMs: number): Check {
  return ({ last: { before, decision } }) => {
    const shown = endedMisses(before, decision.events).map(({ missing, endedBy, from, until }) => ({
      missing,
      endedBy,
      forMs: until - from,
    }));
    expect(shown).toEqual([{ ...wanted, forMs }]);
  };
}

const nothingMissed: Check = ({ last: { before, decision } }) => {
  expect(endedMisses(before, decision.events)).toEqual([]);
};

function ended(reason: EndedNegotiation["reason"], outcome: EndedNegotiation["outcome"]): Check {
  return ({ last: { before, decision } }) => {
    expect(endedNegotiations(before, decision.events)).toMatchObject([{ reason, outcome }]);
  };
}

const noneEnded: Check = ({ last: { before, decision } }) => {
  expect(endedNegotiations(before, decision.events)).toEqual([]);
};
