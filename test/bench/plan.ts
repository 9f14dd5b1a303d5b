import type { Part, Size } from "./bench.ts";
import { connectPart } from "./parts/connect.ts";
import { growthPart } from "./parts/growth.ts";
import { latencyPart } from "./parts/latency.ts";
import { redisPart } from "./parts/redis.ts";
import { sessionsPart } from "./parts/sessions.ts";
import { streamsPart } from "./parts/streams.ts";
import { unaryPart } from "./parts/unary.ts";
import { watchPart } from "./parts/watch.ts";

export const parts: readonly Part[] = [
  unaryPart,
  streamsPart,
  connectPart,
  latencyPart,
  watchPart,
  sessionsPart,
  redisPart,
  growthPart,
];

export const full: Size = {
  rounds: 5,
  warmUpMs: 2_000,
  ms: 2_500,
  leases: 1_000,
  streams: 10_000,
  changes: 100,
  changesForOne: 1_000,
  expiries: 100_000,
  recovered: [200_000, 1_000_000],
  sessionCounts: [1_000, 10_000, 200_000, 1_000_000],
  watcherCounts: [1, 10, 100, 1_000, 10_000],
};

export const quick: Size = {
  rounds: 3,
  warmUpMs: 1_000,
  ms: 700,
  leases: 200,
  streams: 2_000,
  changes: 20,
  changesForOne: 200,
  expiries: 10_000,
  recovered: [20_000],
  sessionCounts: [1_000, 20_000],
  watcherCounts: [1, 100, 2_000],
};

/** The parts of these names, in the order of the plan; undefined where one is no part. */
export function partsNamed(names: string): readonly Part[] | undefined {
  const wanted = names.split(",").map((name) => name.trim());
  const areParts = wanted.every((name) => parts.some((part) => part.name === name));
  return areParts ? parts.filter(({ name }) => wanted.includes(name)) : undefined;
}
