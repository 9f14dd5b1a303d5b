import { describe, expect, test } from "vitest";

import { given, type Step, start, type World } from "./given.ts";
import { accepted, event, happened, promoted, sessionOf, versionRose } from "./outcomes.ts";
import {
  acquired,
  attached,
  backup,
  closed,
  detached,
  host,
  later,
  manager,
  onFastPath,
  policy,
  ready,
  released,
  renegotiated,
  renewed,
  storeLost,
  wait,
} from "./steps.ts";

const hour = 3_600_000;

/** Handshake 2 takes the place of a dead one. */
const replaced: readonly Step[] = [
  manager(closed),
  renewed("tile"),
  wait(5),
  manager(ready),
  host(ready),
];

/** Attached again with a lease, under the same id. */
const anew: readonly Step[] = [attached(), acquired("tile", { ttlMs: 300_000 })];

function generationIn(world: World): number {
  return sessionOf(world).transport.generation;
}

/** The store has an older copy of the session again, and nobody knows that it is one. */
function olderCopy(): { readonly taken: Step; readonly putBack: Step } {
  const { taken, restored } = backup();
  const putBack: Step = (world) => {
    const { incarnation } = world;
    restored(world);
    world.incarnation = incarnation;
    world.now += 1_000;
  };
  return { taken, putBack };
}

describe("Fenced: whatever was forgotten, the next generation is above every one that was served", () => {
  const forgotten: readonly [what: string, ...Step[]][] = [
    ["a store that was emptied", storeLost()],
    ["a tombstone that has stood for its time", detached(), later(30 * 24 * hour)],
    ["a session that went idle, and its tombstone", later(25 * hour), later(30 * 24 * hour)],
    ["the same twice", storeLost(), attached(), storeLost()],
  ];

  test.each(forgotten)("%s: a handshake of the next life", (_, ...forget) => {
    given(onFastPath(), ...replaced, ...forget, ...anew)
      .when(manager(ready), host(ready))
      .expect(promoted(3, 3));
  });

  test.each(forgotten)(
    "%s: one that is adopted, by an end that knows no generation",
    (_, ...forget) => {
      given(onFastPath(), ...replaced, ...forget, ...anew)
        .when(manager(ready, { of: 2 }))
        .expect(promoted(2, 3));
    },
  );

  test.each(forgotten)("%s: one that was retired before", (_, ...forget) => {
    given(onFastPath(), ...replaced, ...forget, ...anew)
      .when(manager(ready, { of: 1, knows: 1 }))
      .expect(promoted(1, 3));
  });

  test("an older copy that was put back", () => {
    const { taken, putBack } = olderCopy();
    given(onFastPath(), taken, ...replaced)
      .when(putBack, manager(closed, { of: 1 }), renewed("tile"), manager(ready), host(ready))
      .expect(promoted(3, 3));
  });

  test("and so is the next epoch", () => {
    const { taken, putBack } = olderCopy();
    given(onFastPath(), taken, released("tile"), acquired("tile"), released("tile"))
      // World.run compares it with all that were granted.
      .when(putBack, acquired("agent"))
      .expect(happened("LeaseGranted"));
  });
});

describe("Fenced: where the clock went back as well, the ends know", () => {
  const turnedBack: Step = (world) => {
    world.now -= hour;
  };

  test("a handshake that the manager reports ready continues above the reported generation", () => {
    given(onFastPath(), storeLost(), turnedBack, attached())
      .when(manager(ready, { knows: 1 }))
      .expect(promoted(1, 2));
  });

  test("or above the one that the host reports", () => {
    given(onFastPath(), storeLost(), turnedBack, attached())
      .when(host(ready, { knows: 1 }), manager(ready))
      .expect(promoted(1, 2));
  });

  test("a new handshake continues above one that an end only reported", () => {
    given(onFastPath(), storeLost(), turnedBack, attached(), host(closed, { knows: 1 }))
      .when(renegotiated({ reason: "operator" }), manager(ready), host(ready))
      .expect(promoted(2, 2));
  });

  test("the reported generation is kept in the tombstone", () => {
    given(onFastPath(), storeLost(), turnedBack, attached(), host(closed, { knows: 1 }))
      .when(detached(), attached(), renegotiated({ reason: "operator" }))
      .when(manager(ready), host(ready))
      .expect(promoted(2, 2));
  });

  test("and is not shown as a generation that was served", () => {
    given(onFastPath(), storeLost(), turnedBack, attached(), host(closed, { knows: 1 }))
      .when(detached(), attached())
      .expect((world) => expect(generationIn(world)).toBe(0));
  });

  test("a tombstone is kept until no number in it is ahead of the clock", () => {
    given(policy({ tombstoneMs: 1_000 }), onFastPath(), storeLost(), turnedBack, attached())
      .when(host(closed, { knows: 1 }), detached(), later(hour - 1_000), attached())
      .when(renegotiated({ reason: "operator" }), manager(ready), host(ready))
      .expect(promoted(2, 2))
      .when(detached(), later(2 * hour))
      .expect(({ record }) => expect(record).toBeUndefined());
  });

  test("a generation from more than a day ahead is none of ours", () => {
    for (const generation of [start + 24 * hour + 1, Number.MAX_SAFE_INTEGER]) {
      given(attached(), acquired("tile"), manager(ready, { generation })).expect((world) =>
        expect(generationIn(world)).toBe(start),
      );
    }
    given(attached(), acquired("tile"), manager(ready, { generation: start + 24 * hour })).expect(
      (world) => expect(generationIn(world)).toBe(start + 24 * hour + 1),
    );
  });
});

describe("Fenced: a promoted handshake is never served below the generation that its end knows", () => {
  test("an older copy from before it was adopted again", () => {
    const { taken, putBack } = olderCopy();
    given(onFastPath(), taken, wait(1_000), storeLost(), attached(), manager(ready, { knows: 1 }))
      .expect(promoted(1, 2))
      .when(putBack, manager(ready, { of: 1 }))
      .expect(promoted(1, 1))
      .when(manager(ready, { of: 1, knows: 2 }))
      .expect(
        accepted({ standing: "promoted" }),
        happened("GenerationNamed", "ReportReceived", "GenerationRaised"),
      )
      .expect(versionRose, event({ kind: "GenerationRaised" }), (world) =>
        expect(generationIn(world)).toBeGreaterThan(world.generation(2)),
      );
  });

  test("also where the report arrives too late to count", () => {
    given(onFastPath(), manager(ready), manager(ready, { sequence: 1, generation: start + hour }))
      .expect(happened("GenerationNamed", "GenerationRaised"))
      .expect((world) => expect(generationIn(world)).toBe(start + hour + 1));
  });

  test("it is raised once, and not by an end that is late", () => {
    given(onFastPath(), manager(ready, { generation: start + hour }))
      .when(host(ready, { generation: start + hour }), manager(ready, { knows: 1 }))
      .expect(happened("ReportReceived"));
  });
});
