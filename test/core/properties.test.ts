import fc from "fast-check";
import { describe, test } from "vitest";

import { mintHandshakeId } from "../../src/core/ids.ts";
import type { ConnectionState, End, NegotiationReason } from "../../src/core/session.ts";
import { type Step, start, World } from "./given.ts";
import {
  absent,
  acquired,
  allChannels,
  attached,
  checked,
  closed,
  detached,
  handshakeChecked,
  host,
  incarnationChanged,
  later,
  manager,
  negotiationsElsewhere,
  ready,
  released,
  renegotiated,
  renewed,
  revoked,
  stalled,
  storeLost,
  together,
  tokenKeys,
  wait,
  watched,
} from "./steps.ts";

/** A step, and its name for when a story fails. */
interface Received {
  readonly step: Step;
  readonly text: string;
}

function named<T>(
  name: string,
  from: fc.Arbitrary<T>,
  toStep: (value: T) => Step,
): fc.Arbitrary<Received> {
  return from.map((value) => ({
    step: toStep(value),
    text: `${name}(${JSON.stringify(value)})`,
  }));
}

/** Moments at, before and after which something changes, and others. */
const spans = fc.oneof(
  fc.constantFrom(
    0,
    1,
    999,
    1_000,
    2_999,
    3_000,
    4_999,
    5_000,
    9_999,
    10_000,
    15_000,
    30_000,
    60_000,
  ),
  fc.integer({ min: 0, max: 90_000 }),
);
const lengths = spans.map((ms) => ms + 1);
const names = fc.constantFrom("tile", "agent", "a", "b");
const ttls = fc.option(fc.constantFrom(1, 5_000, 30_000, 120_000, 400_000), { nil: undefined });

const foreign = [
  "from elsewhere",
  mintHandshakeId(start - 5_000, "fedcba9876543210fed", undefined),
  mintHandshakeId(start + 40_000, "fedcba9876543210fed", undefined),
  mintHandshakeId(start + 86_400_000, "fedcba9876543210fed", undefined),
  "7fffffff-ffff-7fff-bfff-ffffffffffff",
  "ffffffff-ffff-7fff-bfff-ffffffffffff",
];
const handshakes = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(...foreign) },
);

const reports = fc.record({
  end: fc.constantFrom<End>("manager", "host"),
  of: handshakes,
  connection: fc.oneof(
    { weight: 6, arbitrary: fc.constant<ConnectionState>("connected") },
    fc.constantFrom<ConnectionState>(
      "unspecified",
      "connecting",
      "disconnected",
      "failed",
      "closed",
    ),
  ),
  missing: fc.oneof(
    { weight: 5, arbitrary: fc.constant<readonly string[]>([]) },
    { weight: 1, arbitrary: fc.subarray([...allChannels]) },
  ),
  opening: fc.boolean(),
  oldestUnackedMs: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    fc.constantFrom(5_001, 15_001),
  ),
  transport: fc.oneof({ weight: 8, arbitrary: fc.constant("one") }, fc.constantFrom("two", "")),
  by: fc.oneof({ weight: 6, arbitrary: fc.constant("first") }, fc.constant("second")),
  repeats: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.constant(true)),
  ageMs: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.constantFrom(1, 9_999, 25_000)),
  generation: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    fc.constantFrom(5, Number.MAX_SAFE_INTEGER),
  ),
});

type SomeReport = typeof reports extends fc.Arbitrary<infer R> ? R : never;

/** About the newest handshake but `of`, or about one that the story never started. */
function received(report: SomeReport): Step {
  return (world) => {
    const { end, missing, opening, transport, repeats, by, ageMs, generation } = report;
    const recent = world.handshakes.toReversed();
    const of = typeof report.of === "string" ? report.of : (recent[report.of] ?? "none yet");
    const say = end === "manager" ? manager : host;
    const word = {
      connection: report.connection,
      readyChannels: allChannels.filter((channel) => !missing.includes(channel)),
      openingChannels: opening ? missing : [],
      oldestUnackedMs: report.oldestUnackedMs,
    };
    const about = { of, transport, by, ageMs, generation };
    say(word, repeats ? { ...about, sequence: 1 } : about)(world);
  };
}

/** Counters that were lifted once and again are ahead of the clock, though not by a minute. */
const emptied = (): Step => together(wait(60_000), storeLost());

const steps: fc.Arbitrary<Received> = fc.oneof(
  { weight: 8, arbitrary: named("report", reports, received) },
  { weight: 6, arbitrary: named("wait", spans, wait) },
  { weight: 2, arbitrary: named("later", spans, later) },
  {
    weight: 4,
    arbitrary: named("renewed", fc.tuple(names, ttls, fc.boolean()), ([name, ttlMs, leaseOnly]) =>
      renewed(name, ttlMs === undefined ? { leaseOnly } : { ttlMs, leaseOnly }),
    ),
  },
  {
    weight: 3,
    arbitrary: named("acquired", fc.tuple(names, ttls, fc.boolean()), ([name, ttlMs, passcode]) =>
      acquired(name, ttlMs === undefined ? { passcode } : { ttlMs, passcode }),
    ),
  },
  {
    weight: 2,
    arbitrary: named(
      "renegotiated",
      fc.record({
        by: names,
        reason: fc.constantFrom<NegotiationReason>("poor_quality", "operator"),
        seen: fc.integer({ min: 0, max: 3 }),
      }),
      ({ seen, ...asked }) =>
        (world) =>
          renegotiated({ ...asked, seen: Math.min(seen, world.generations.length) })(world),
    ),
  },
  { weight: 1, arbitrary: named("stalled", lengths, stalled) },
  { weight: 1, arbitrary: named("absent", lengths, absent) },
  { weight: 1, arbitrary: named("released", names, released) },
  { weight: 1, arbitrary: named("checked", names, checked) },
  {
    weight: 1,
    arbitrary: named("revoked", fc.tuple(fc.subarray(["tile", "a"]), spans), ([which, holdMs]) =>
      revoked(which, holdMs),
    ),
  },
  {
    weight: 1,
    arbitrary: named(
      "attached",
      fc.record({
        hostReports: fc.boolean(),
        requiredChannels: fc.constantFrom(["mgr-actions"], ["mgr-actions", "mgr-acks"]),
        beachId: fc.constantFrom("beach-1", "beach-1", "beach-2"),
      }),
      attached,
    ),
  },
  {
    weight: 1,
    arbitrary: named("handshakeChecked", fc.constantFrom(...foreign), handshakeChecked),
  },
  { weight: 1, arbitrary: named("watched", fc.boolean(), watched) },
  { weight: 1, arbitrary: named("elsewhere", fc.constantFrom(0, 49, 50), negotiationsElsewhere) },
  {
    weight: 1,
    arbitrary: named("keys", fc.constantFrom(["k1"], ["k2", "k1"], ["k2"]), (keys) =>
      tokenKeys(...keys),
    ),
  },
  { weight: 1, arbitrary: named("later", fc.constantFrom(86_400_000, 30 * 86_400_000), later) },
  { weight: 1, arbitrary: named("detached", fc.constant("closed"), detached) },
  { weight: 1, arbitrary: named("incarnationChanged", fc.constant(null), incarnationChanged) },
  { weight: 1, arbitrary: named("storeLost", fc.constant(null), emptied) },
);

const stories = fc
  .array(steps, { minLength: 5, maxLength: 40, size: "max" })
  .map((steps) => ({ steps, toString: () => steps.map(({ text }) => text).join("\n") }));

/** Lives of a session that begin where most of them are spent: with leases and a fast path. */
const beginning: readonly Step[] = [attached(), acquired("tile", { ttlMs: 300_000 })];

/** Ids from all of time, and from just before and after the last that may be ours; and any text. */
const namedIds = fc.oneof(
  fc
    .tuple(
      fc.oneof(
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.integer({ min: -2, max: 2 }).map((ms) => start + 86_400_000 + ms),
      ),
      fc.stringMatching(/^[0-9a-f]{19}$/),
    )
    .map(([at, bits]) => mintHandshakeId(at, bits, undefined)),
  fc.string({ maxLength: 128 }),
);

function live(world: World, steps: readonly Step[]): World {
  for (const step of steps) step(world);
  return world;
}

describe("every event, in every order", () => {
  test("Held, Undisturbed, Overlapped, Single, Genuine, Fenced, Durable: no decision breaks one", () => {
    // World.run sees to it after every decision, on records that are frozen all the way down.
    fc.assert(
      fc.property(stories, ({ steps }) => {
        live(new World(), [...beginning, ...steps.map(({ step }) => step)]);
      }),
      { numRuns: 1_500 },
    );
  });

  test("Fenced: whatever id an end reports, each later handshake is younger than all before", () => {
    const recovered: readonly Step[] = [manager(ready), manager(closed), wait(30_000)];
    fc.assert(
      fc.property(namedIds, (of) => {
        const world = live(new World(), [
          attached(),
          manager(ready, { of }),
          manager(closed, { of }),
        ]);
        for (const name of ["one", "two", "three"]) live(world, [acquired(name), ...recovered]);
        const isOrdered = world.handshakes.every(
          (id, at, all) => at === 0 || id > (all[at - 1] ?? ""),
        );
        return world.handshakes.length === 3 && isOrdered;
      }),
      { numRuns: 500 },
    );
  });

  test("the same story has the same end", () => {
    fc.assert(
      fc.property(stories, ({ steps }) => {
        const story = [...beginning, ...steps.map(({ step }) => step)];
        const [one, other] = [live(new World(), story), live(new World(), story)];
        return JSON.stringify(one.record) === JSON.stringify(other.record);
      }),
      { numRuns: 150 },
    );
  });

  test("time in one step has the same result as time in many", () => {
    fc.assert(
      fc.property(stories, fc.integer({ min: 1, max: 7 }), ({ steps }, parts) => {
        const story = [...beginning, ...steps.map(({ step }) => step), watched(false)];
        const once = live(new World(), [...story, later(0), wait(70_000), later(0)]);
        const often = live(new World(), [...story, later(0)]);
        for (let part = 0; part < parts; part += 1) later(70_000 / parts)(often);
        often.now = once.now;
        later(0)(often);
        return timeless(once) === timeless(often);
      }),
      { numRuns: 150 },
    );
  });
});

/** The record with generations by their order: each is as late as the decision that gave it out. */
function timeless({ record, generations }: World): string {
  return JSON.stringify(record, (key, value) =>
    key === "generation" ? generations.indexOf(value) : value,
  );
}
