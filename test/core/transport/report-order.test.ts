import { describe, test } from "vitest";

import { defaultPolicy, sharedPolicy } from "../../../src/core/policy.ts";
import { given, type Step } from "../given.ts";
import { happened, health, nothingHappened, path, promoted } from "../outcomes.ts";
import {
  closed,
  host,
  manager,
  noConnection,
  onFastPath,
  policy,
  ready,
  renegotiated,
  renewed,
  unacked,
  type Word,
  wait,
  without,
} from "../steps.ts";

/** As processes that share a store decide: a report without news is recorded every 3 s. */
const shared: Step = policy(sharedPolicy(defaultPolicy));

describe("a report sent before one without news is too late,", () => {
  const late: readonly [what: string, word: Word][] = [
    ["though its actions were stalled", unacked(16_000)],
    ["though its acknowledgements were slow", unacked(6_000)],
    ["though its connection was closed", closed],
    ["though a channel was missing", without("mgr-acks")],
    ["though it had no connection", noConnection],
  ];

  test.each(late)("%s", (_, word) => {
    given(shared, onFastPath(), wait(1_000))
      .when(manager(ready, { sequence: 4 }), manager(word, { sequence: 3 }))
      .expect(nothingHappened, path("fast_path"), health("healthy", "confirmed"))
      .when(renewed("tile"))
      .expect(promoted(1, 1), path("fast_path"));
  });

  test("also after many reports without news", () => {
    given(shared, onFastPath(), wait(1_000), manager(ready), manager(ready), manager(ready))
      .when(manager(closed, { sequence: 3 }))
      .expect(nothingHappened, path("fast_path"));
  });
});

const unheard: readonly [what: string, report: Step][] = [
  ["a handshake that lingers", manager(ready, { of: 1, sequence: 9 })],
  ["one that nobody started", manager(closed, { of: "from elsewhere", sequence: 9 })],
  ["another connection", manager(closed, { transport: "another", sequence: 9 })],
];

test.each(unheard)("a place is taken by a report about %s, too", (_, report) => {
  given(onFastPath(), renegotiated({ reason: "operator" }), manager(ready), host(ready), report)
    .when(manager(closed, { of: 2, sequence: 8 }))
    .expect(nothingHappened, path("fast_path"));
});

test("a report without a number takes no place", () => {
  given(shared, onFastPath(), wait(1_000), manager(ready, { sequence: 0 }))
    .expect(nothingHappened)
    .when(manager(closed, { sequence: 2 }))
    .expect(happened("ReportReceived", "HealthChanged", "DiedEarly"));
});
