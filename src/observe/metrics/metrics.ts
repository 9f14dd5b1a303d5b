import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

import { type SpreadName, spreads, type TallyName, tallies } from "./metric-tables.ts";
import { createSpread, type Spread } from "./spread.ts";
import { createTally, type Tally } from "./tally.ts";

/** What is counted and timed. Labels are words of a fixed list, never ids. */
export interface Metrics
  extends Readonly<Record<TallyName, Tally>>,
    Readonly<Record<SpreadName, Spread>> {
  readonly registry: Registry;
  readonly watchStreams: Gauge<"door" | "reader">;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    ...eachOf(tallies, (described) => createTally(registry, described)),
    ...eachOf(spreads, (described) => createSpread(registry, described)),
    watchStreams: new Gauge({
      name: "lease_watch_streams",
      help: "Open watch streams",
      labelNames: ["door", "reader"],
      registers: [registry],
    }),
  };
}

function eachOf<Name extends string, D, T>(
  table: Readonly<Record<Name, D>>,
  make: (described: D) => T,
): Record<Name, T> {
  const made = Object.entries<D>(table).map(([name, described]) => [name, make(described)]);
  return Object.fromEntries(made) as Record<Name, T>;
}
