import { describe, expect, test } from "vitest";

import { defaultPolicy, sharedPolicy } from "../../../src/core/policy.ts";
import { given, type Step, start, type World } from "../given.ts";
import {
  accepted,
  event,
  happened,
  inFlight,
  liveFor,
  nothingHappened,
  path,
  promoted,
  refreshed,
  sessionOf,
  standing,
  versionKept,
} from "../outcomes.ts";
import {
  absent,
  acquired,
  attached,
  backup,
  closed,
  detached,
  host,
  incarnationChanged,
  later,
  manager,
  onFastPath,
  policy,
  ready,
  released,
  renegotiated,
  renewed,
  wait,
} from "../steps.ts";

interface Counters {
  readonly version: number;
  readonly epoch: number;
  readonly leaseVersion: number;
}

function countersOf(world: World): Counters {
  const { version, leases } = sessionOf(world);
  return { version, epoch: leases.epoch, leaseVersion: leases.version };
}

describe("after a restored backup", () => {
  test("Fenced: no epoch, version or lease version of the lost incarnation is used again", () => {
    const { taken, restored } = backup();
    given(onFastPath(), taken, wait(1_000), acquired("agent"), released("agent"), acquired("b"))
      .when(renegotiated({ reason: "operator" }))
      .expect((world) => {
        const lost = countersOf(world);
        for (const step of [restored, acquired("agent")]) step(world);
        const { version, epoch, leaseVersion } = countersOf(world);
        expect(version).toBeGreaterThan(lost.version);
        expect(epoch).toBeGreaterThan(lost.epoch);
        expect(leaseVersion).toBeGreaterThan(lost.leaseVersion);
      });
  });

  test("Fenced: even where the clock has not moved on", () => {
    const { taken, restored } = backup();
    given(attached(), taken, acquired("tile"), released("tile"), acquired("tile")).expect(
      (world) => {
        const { epoch } = countersOf(world);
        for (const step of [restored, acquired("tile")]) step(world);
        expect(countersOf(world).epoch).toBeGreaterThan(epoch);
      },
    );
  });

  test("Fenced: the next generation is above all that were lost", () => {
    const { taken, restored } = backup();
    given(onFastPath(), taken)
      .when(manager(closed), renewed("tile"), manager(ready), host(ready))
      .expect(promoted(2, 2))
      .when(restored, manager(closed, { of: 1 }), renewed("tile"))
      .when(manager(ready), host(ready))
      .expect(promoted(3, 3));
  });

  test("Fenced: nor is one of its generations used when the session comes back from a tombstone", () => {
    const { taken, restored } = backup();
    given(onFastPath(), taken, manager(closed), renewed("tile"), manager(ready), host(ready))
      .when(
        restored,
        later(0),
        detached(),
        attached(),
        acquired("tile"),
        manager(ready),
        host(ready),
      )
      .expect(promoted(3, 3));
  });

  test("Fenced: a tombstone takes it up as well", () => {
    const { taken, restored } = backup();
    given(onFastPath(), detached(), taken)
      .when(attached(), acquired("tile"), manager(ready), host(ready))
      .expect(promoted(2, 2), (world) => {
        const lost = countersOf(world);
        for (const step of [restored, attached(), acquired("tile")]) step(world);
        expect(countersOf(world).epoch).toBeGreaterThan(lost.epoch);
      })
      .when(manager(ready), host(ready))
      .expect(promoted(3, 3));
  });

  test("Undisturbed: no end is told to close anything, and a renewal refreshes", () => {
    const { taken, restored } = backup();
    given(onFastPath(), taken, wait(1_000), restored)
      .when(renewed("tile"))
      .expect(refreshed, promoted(1, 1), inFlight(undefined), path("fast_path"))
      .expect(happened("IncarnationChanged", "LeaseExtended"))
      .when(manager(ready))
      .expect(accepted({ standing: "promoted" }));
  });

  test("Undisturbed: a handshake that was promoted in what is lost is unknown, not retired", () => {
    const { taken, restored } = backup();
    given(onFastPath(), taken, wait(1_000))
      .when(renegotiated({ reason: "operator" }), manager(ready), host(ready))
      .expect(promoted(2, 2))
      .when(restored, manager(ready, { knows: 2 }))
      .expect(standing(2, "unknown"), promoted(1, 1))
      .when(manager(closed, { of: 1 }))
      .expect(promoted(2, 3));
  });

  test("comes before the absence, in which it was lost, and ends no lease", () => {
    const { taken, restored } = backup();
    given(attached(), acquired("tile"), taken, absent(60_000), restored)
      .when(later(0))
      .expect(happened("IncarnationChanged", "GapTaken"), liveFor("tile", 31_500))
      .expect(event({ kind: "IncarnationChanged", incarnation: 1, at: start + 60_000 }));
  });

  test("and is taken up once", () => {
    const { taken, restored } = backup();
    given(onFastPath(), taken, restored, later(0)).when(later(1)).expect(nothingHappened);
  });
});

describe("after a failover, while a process is still connected to the primary of before", () => {
  const aMinute = 60_000;
  const negotiated = [manager(ready), host(ready)];
  const replaced = [renegotiated({ reason: "operator" }), ...negotiated];

  function numbersAfter(...steps: readonly Step[]) {
    let numbers = { epoch: 0, generation: 0 };
    given(policy(sharedPolicy(defaultPolicy)), onFastPath(), ...steps).expect((world) => {
      const { leases, transport } = sessionOf(world);
      numbers = { epoch: leases.epoch, generation: transport.generation };
    });
    return numbers;
  }

  test("Fenced: for a minute, every number issued there is below every number issued here", () => {
    const here = numbersAfter(incarnationChanged(), later(0), acquired("agent"), ...replaced);
    const there = numbersAfter(later(aMinute - 1), acquired("agent"), ...replaced);
    expect(there.epoch).toBeLessThan(here.epoch);
    expect(there.generation).toBeLessThan(here.generation);
  });

  test("Fenced: so it is where both failed over within that minute", () => {
    const here = numbersAfter(
      incarnationChanged(),
      later(100),
      incarnationChanged(),
      later(0),
      ...replaced,
    );
    const there = numbersAfter(incarnationChanged(), later(100), ...replaced);
    expect(there.generation).toBeLessThan(here.generation);
  });
});

test("a session that becomes known after the loss has nothing to take up", () => {
  const { restored } = backup();
  given(restored, attached()).when(later(1)).expect(nothingHappened, versionKept);
});
