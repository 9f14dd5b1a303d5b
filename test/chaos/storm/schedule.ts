import type { DurationMs } from "../../../src/core/time.ts";
import type { Random } from "../../support/runs/random.ts";

/** What is done to processes and wires, by the name under which it is counted. */
export const strikeNames = [
  "replica killed",
  "replica drained",
  "replicas rolled",
  "replica paused",
  "all replicas paused",
  "store killed",
  "store paused",
  "store link cut",
  "store link frozen",
  "store answers frozen",
  "store flow forgotten",
  "all store links cut",
  "clients cut",
  "clients frozen",
  "client flow forgotten",
] as const;

export type StrikeName = (typeof strikeNames)[number];

export interface Strike {
  /** From the beginning. */
  readonly at: DurationMs;
  readonly name: StrikeName;
  /** Where it is one of them that is struck, its number. */
  readonly replica: number;
  /** How long it lasts, or how long what was killed stays down. */
  readonly forMs: DurationMs;
}

/** From how long to how long each lasts. */
const spans: Readonly<Record<StrikeName, readonly [DurationMs, DurationMs]>> = {
  "replica killed": [50, 3_000],
  "replica drained": [50, 1_000],
  "replicas rolled": [50, 500],
  "replica paused": [1_000, 6_000],
  "all replicas paused": [1_000, 8_000],
  "store killed": [50, 7_000],
  "store paused": [1_000, 7_000],
  "store link cut": [300, 8_000],
  "store link frozen": [300, 8_000],
  "store answers frozen": [300, 4_000],
  "store flow forgotten": [0, 0],
  "all store links cut": [1_000, 8_000],
  "clients cut": [300, 6_000],
  "clients frozen": [300, 6_000],
  "client flow forgotten": [0, 0],
};

/** Everybody has come in by then. */
const beginMs: DurationMs = 4_000;
const stormMs: readonly [DurationMs, DurationMs] = [20_000, 35_000];
const pauseMs: readonly [DurationMs, DurationMs] = [500, 5_500];
/** Long enough now and then for silence, back-off and negotiations to be over. */
const lullsMs: readonly DurationMs[] = [6_000, 12_000, 40_000];

/**
 * What happens when: storms in which one thing comes upon the other, and lulls between them. Each
 * kind comes once before any comes again. A longer run begins as a shorter one of the same seed.
 */
export function drawSchedule(
  random: Random,
  { durationMs, replicas }: { readonly durationMs: DurationMs; readonly replicas: number },
): readonly Strike[] {
  const strikes: Strike[] = [];
  let bag: StrikeName[] = [];
  let at = beginMs;
  let stormUntil = at + random.between(...stormMs);
  while (at < durationMs) {
    if (bag.length === 0) bag = shuffled(random, strikeNames);
    const name = bag.pop() as StrikeName;
    const [least, most] = spans[name];
    // Short ones as often as long ones.
    const forMs = Math.round(least + (most - least) * random.next() ** 1.5);
    strikes.push({ at, name, replica: random.between(1, replicas), forMs });
    at += random.between(...pauseMs);
    if (at < stormUntil) continue;
    at += forMs + random.pick(lullsMs);
    stormUntil = at + random.between(...stormMs);
  }
  return strikes;
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: random.next() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
