import { describe, expect, test } from "vitest";

import { mintHandshakeId } from "../../../src/core/ids.ts";
import { defaultPolicy, type Policy, sharedPolicy } from "../../../src/core/policy.ts";
import type { Standing } from "../../../src/core/session.ts";
import { currentOf, pathOf } from "../../../src/core/view.ts";
import { type Check, given, type Step, start } from "../given.ts";
import {
  accepted,
  health,
  nonePromoted,
  nothingHappened,
  path,
  promoted,
  sessionOf,
  standing,
} from "../outcomes.ts";
import {
  absent,
  acquired,
  attached,
  closed,
  disconnected,
  host,
  later,
  manager,
  noConnection,
  onFastPath,
  policy,
  ready,
  renegotiated,
  repeatedly,
  together,
  type Word,
  wait,
} from "../steps.ts";

/** Younger than any other here, as if a store had lost it. */
const elsewhere = mintHandshakeId(start + 3_600_000, "e".repeat(19), undefined);

/** What process A or B of one end says about the handshake that the story is about. */
type Says = (word: Word, about?: Parameters<typeof manager>[1]) => Step;

/** How reports go astray, and whether the handshake that they are about carries the actions then. */
interface Disorder {
  readonly disorder: string;
  readonly reports: (a: Says, b: Says, decided: Policy) => readonly Step[];
  /** If it did before. */
  readonly ifPromoted: boolean;
  /** If it may as soon as its end says so. */
  readonly atOnce: boolean;
  /** If it has to wait until the one that does dies. */
  readonly inTheEnd: boolean;
}

const yes = { ifPromoted: true, atOnce: true, inTheEnd: true };
const no = { ifPromoted: false, atOnce: false, inTheEnd: false };

const disorders: readonly Disorder[] = [
  { disorder: "in order", reports: (a) => [a(ready)], ...yes },
  { disorder: "late, and still fresh", reports: (a) => [a(ready, { ageMs: 9_999 })], ...yes },
  {
    disorder: "25 s old by observed_age",
    reports: (a) => [a(ready, { ageMs: 25_000 })],
    ...no,
    ifPromoted: true,
  },
  {
    disorder: "25 s old, after a fresh one of the same reporter",
    reports: (a) => [a(ready), a(ready, { ageMs: 25_000 })],
    ...yes,
  },
  {
    disorder: "of a death 25 s ago, after a word that its reporter numbered before",
    reports: (a) => [a(ready), a(closed, { ageMs: 25_000 })],
    ...no,
  },
  {
    disorder: "twice, when the first is no longer fresh",
    reports: (a) => [
      a(ready, { sequence: 50, ageMs: 9_000 }),
      wait(1_000),
      a(ready, { sequence: 50 }),
    ],
    ...yes,
    inTheEnd: false,
  },
  {
    disorder: "out of order, good before bad",
    reports: (a) => [a(ready, { sequence: 51 }), a(closed, { sequence: 50 })],
    ...yes,
  },
  {
    disorder: "out of order, bad before good",
    reports: (a) => [a(closed, { sequence: 51 }), a(ready, { sequence: 50 })],
    ...no,
  },
  {
    disorder: "without numbers, the last one bad",
    reports: (a) => [a(ready, { sequence: 0 }), a(closed, { sequence: 0 })],
    ...no,
  },
  {
    disorder: "from a restarted reporter with a new connection",
    reports: (a, b) => [
      a(closed, { sequence: 90 }),
      b(ready, { sequence: 1, transport: "second" }),
    ],
    ...yes,
    // Dead for good: its generation is over.
    ifPromoted: false,
  },
  {
    disorder: "from a restarted reporter that closes the connection",
    reports: (a, b) => [a(ready, { sequence: 90 }), b(closed, { sequence: 1 })],
    ...no,
  },
  {
    disorder: "from another process that observed before, and bad",
    reports: (a, b) => [a(ready), b(closed, { ageMs: 1 })],
    ...yes,
  },
  {
    disorder: "from another process that observed before, and good",
    reports: (a, b) => [a(closed), b(ready, { ageMs: 1 })],
    ...no,
  },
  {
    disorder: "from two processes that hand over, the newer without a connection",
    reports: (a, b) => [a(ready), b(noConnection)],
    ...yes,
  },
  {
    disorder: "from two processes that hand over, while the older goes on",
    reports: (a, b) => [
      a(ready),
      b(noConnection),
      wait(2_000),
      a(ready),
      later(2_000),
      b(noConnection),
    ],
    ...yes,
  },
  {
    disorder: "from two processes that hand over, some seconds after the older was killed",
    reports: (a, b, { noConnectionMs }) => [
      a(ready),
      b(noConnection),
      later(noConnectionMs),
      b(noConnection),
    ],
    ...no,
  },
  {
    disorder: "from an older connection that closes",
    reports: (a) => [a(ready, { transport: "second" }), a(closed)],
    ...yes,
  },
  {
    disorder: "from an older connection, before the newer one closes",
    reports: (a) => [
      a(ready, { transport: "second" }),
      a(disconnected),
      a(closed, { transport: "second" }),
    ],
    ...no,
  },
];

/** What was replaced lingers for longer than any of these takes. */
const lingerMs = 7_000;

/** Where the handshake stands that the reports are about. */
interface Situation {
  readonly situation: string;
  readonly so: Step;
  readonly of: number | string;
  /** The handshake that carries the actions, and dies in the end. */
  readonly beside?: number;
  /** The verdict on the last report unless the handshake was promoted, and whether it can be. */
  readonly stands: Standing;
  readonly carries: (row: Disorder) => boolean;
}

const never = (): boolean => false;
const atOnce = (row: Disorder): boolean => row.atOnce;
const inTheEnd = (row: Disorder): boolean => row.inTheEnd;

/** For longer than anything ages: what is old by observed_age is not taken for unheard of. */
const attachedLongAgo = together(attached(), wait(60_000));
const negotiating = together(attachedLongAgo, acquired("tile", { ttlMs: 300_000 }));
const usable = together(negotiating, manager(ready));
const replacing = together(usable, renegotiated({ reason: "operator" }));
const replaced = together(replacing, manager(ready, { of: 2 }));

const situations: readonly Situation[] = [
  {
    situation: "a promoted handshake",
    so: together(negotiating, says(manager, "A", 1)(ready)),
    of: 1,
    stands: "promoted",
    carries: ({ ifPromoted }) => ifPromoted,
  },
  {
    situation: "one in flight",
    so: negotiating,
    of: 1,
    stands: "in_flight",
    carries: atOnce,
  },
  {
    situation: "one in flight that replaces a usable one",
    so: replacing,
    of: 2,
    beside: 1,
    stands: "in_flight",
    carries: atOnce,
  },
  {
    situation: "an abandoned one",
    so: together(negotiating, later(16_000)),
    of: 1,
    stands: "abandoned",
    carries: atOnce,
  },
  {
    situation: "an abandoned one beside a usable one",
    so: together(replacing, repeatedly(5_000, 15_000, manager(ready, { of: 1 }))),
    of: 2,
    beside: 1,
    stands: "abandoned",
    carries: inTheEnd,
  },
  {
    situation: "an unknown one",
    so: attachedLongAgo,
    of: elsewhere,
    stands: "unknown",
    carries: atOnce,
  },
  {
    situation: "an unknown one beside a usable one",
    so: usable,
    of: elsewhere,
    beside: 1,
    stands: "unknown",
    carries: inTheEnd,
  },
  {
    situation: "a lingering one",
    so: replaced,
    of: 1,
    beside: 2,
    stands: "lingering",
    carries: never,
  },
  {
    situation: "a lingering one, with nothing usable",
    so: together(replaced, manager(closed, { of: 2 })),
    of: 1,
    stands: "lingering",
    carries: never,
  },
  {
    situation: "a retired one",
    so: together(replaced, later(lingerMs)),
    of: 1,
    beside: 2,
    stands: "retired",
    carries: never,
  },
  {
    situation: "a retired one, with nothing usable",
    so: together(negotiating, later(75_000)),
    of: 1,
    stands: "retired",
    carries: never,
  },
];

/** As one process decides alone, and as processes that share a store do. */
const policies: readonly (readonly [string, Policy])[] = [
  ["alone", { ...defaultPolicy, retireLingerMs: lingerMs }],
  ["on a shared store", { ...sharedPolicy(defaultPolicy), retireLingerMs: lingerMs }],
];

const decidedSituations = policies.flatMap(([by, decided]) =>
  situations.map((situation) => ({ ...situation, by, decided })),
);

describe.each(decidedSituations)("manager's reports about $situation, decided $by", (situation) => {
  const { so, of, beside, stands, carries, decided } = situation;

  test.each(disorders)("$disorder", (row) => {
    const { reports } = row;
    const word = reports(says(manager, "A", of), says(manager, "B", of), decided);
    const story = given(policy(decided), so, ...word);
    story.expect(answers(of, stands));
    if (beside !== undefined) story.when(manager(closed, { of: beside }));
    story.expect(carries(row) ? carriedBy(of) : notCarriedBy(of));
  });

  test("a repeated or overtaken report is answered by the current state and changes nothing", () => {
    const a = says(manager, "A", of);
    for (const sequence of [50, 49]) {
      given(policy(decided), so, a(closed, { sequence: 50 }))
        .when(a(ready, { sequence }))
        .expect(nothingHappened, standing(of, stands), accepted({ standing: stands }));
    }
  });
});

describe.each(policies)("the host's reports about one in flight, decided %s", (_, decided) => {
  const so = together(
    attached({ hostReports: true }),
    wait(60_000),
    acquired("tile"),
    manager(ready),
  );

  test.each(disorders)("$disorder", (row) => {
    const word = row.reports(says(host, "A", 1), says(host, "B", 1), decided);
    given(policy(decided), so, ...word).expect(row.atOnce ? carriedBy(1) : notCarriedBy(1));
  });
});

describe("an observation of 25 s ago", () => {
  test("adopts a handshake only when it was made while the service could not receive reports", () => {
    const report = manager(ready, { of: elsewhere, ageMs: 25_000 });
    given(attached()).when(report).expect(nonePromoted);
    given(attached(), absent(60_000)).when(report).expect(promoted(elsewhere, 1));
    given(attached(), absent(60_000), wait(9_999)).when(report).expect(promoted(elsewhere, 1));
    given(attached(), absent(60_000), wait(10_000)).when(report).expect(nonePromoted);
  });

  test("does not end the silence of a lost transport", () => {
    given(onFastPath(), later(30_000))
      .expect(health("lost", "silent"))
      .when(repeatedly(1_000, 10_000, manager(ready, { ageMs: 25_000 })))
      .expect(health("lost", "silent"), path("http_fallback"));
  });

  test("gives the host a say for the 5 s that are left of its 30", () => {
    const reported = together(negotiating, host(ready, { of: "x", ageMs: 25_000 }));
    given(reported, wait(4_999))
      .when(manager(ready, { of: 1 }))
      .expect(nonePromoted);
    given(reported, wait(5_000))
      .when(manager(ready, { of: 1 }))
      .expect(promoted(1, 1));
  });

  test("that a process of the end holds no connection counts unless another says ready since", () => {
    const claims = manager(noConnection, { by: "B", ageMs: 25_000 });
    given(onFastPath(), wait(2_999)).when(claims).expect(health("healthy", "confirmed"));
    given(onFastPath(), wait(3_000)).when(claims).expect(health("lost", "end_restarted"));
  });
});

test("a late heartbeat of one process does not make its last one older for the claims of another", () => {
  const unnumbered = { sequence: 0 };
  given(onFastPath(), wait(5_000), manager(ready, unnumbered))
    .when(manager(ready, { ...unnumbered, ageMs: 2_500 }), manager(noConnection, { by: "B" }))
    .when(later(2_999))
    .expect(health("healthy", "confirmed"))
    .when(later(1))
    .expect(health("lost", "end_restarted"));
});

function says(end: typeof manager, by: string, of: number | string): Says {
  return (word, about) => end(word, { by, of, transport: "first", ...about });
}

/** The last verdict had the handshake's standing, which is promoted or as before. */
function answers(of: number | string, before: Standing): Check {
  return (world) => {
    const isPromoted = currentOf(sessionOf(world).transport.path)?.id === world.handshake(of);
    accepted({ standing: isPromoted ? "promoted" : before })(world);
  };
}

function carriedBy(of: number | string): Check {
  return (world) => {
    expect(pathOf(sessionOf(world).transport)).toBe("fast_path");
    expect(currentOf(sessionOf(world).transport.path)?.id).toBe(world.handshake(of));
  };
}

function notCarriedBy(of: number | string): Check {
  return (world) => {
    const { path: fastPath } = sessionOf(world).transport;
    const current = currentOf(fastPath);
    const carries = current?.id === world.handshake(of) && current.health !== "lost";
    expect(carries).toBe(false);
    expect(pathOf(sessionOf(world).transport)).not.toBe("fast_path");
  };
}
