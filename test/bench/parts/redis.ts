import { spreadOver } from "../../support/process/cores.ts";
import { hasRedis } from "../../support/redis/redis-server.ts";
import type { Bench, Part } from "../bench.ts";
import { bounded, type Figure, type Findings, rowOf } from "../report/row.ts";
import { byConnection, byTurns, measureShared, type SharedStretch } from "../shared-store.ts";

export const redisPart: Part = {
  name: "redis",
  title: "Two processes on one Redis, compared with one at the same offered load",
  seconds: ({ rounds, warmUpMs, ms }) => rounds * (8 + (2 * warmUpMs + 2 * ms) / 1000),
  run,
};

const offeredPerSecond = 1000;
const shareBelow = 0.55;

const fleets = [
  { name: "one", processes: 1, choose: byConnection },
  { name: "two, each with its own callers", processes: 2, choose: byConnection },
  {
    name: "two, each renewal at the one that did not make the last",
    processes: 2,
    choose: byTurns,
  },
];

async function run({ size, cores, progress }: Bench): Promise<Findings> {
  if (!hasRedis) return { rows: [], notes: ["not measured: there is no redis-server"] };
  using _ = spreadOver(cores);
  const rounds: (readonly SharedStretch[])[] = [];
  for (let round = 1; round <= size.rounds; round += 1) {
    progress(`two processes on Redis: round ${round} of ${size.rounds}`);
    const offered = { leases: size.leases, perSecond: offeredPerSecond, stretch: size };
    rounds.push(await measureShared(fleets, offered));
  }
  const valuesOf = (fleet: number, value: (stretch: SharedStretch) => number): readonly number[] =>
    rounds.flatMap((stretches) => stretches[fleet] ?? []).map(value);
  const costs = fleets.map((_, fleet) => valuesOf(fleet, costOf));
  const rows = fleets.flatMap(({ name }, fleet) => {
    const shares = (costs[fleet] ?? []).map(
      (cost, round) => cost / (costs[0]?.[round] ?? Number.NaN),
    );
    const calls = valuesOf(fleet, ({ callsPerRenewal }) => callsPerRenewal);
    return [
      rowOf({
        name: `${name}: each renewal`,
        unit: "µs of each process",
        values: costs[fleet] ?? [],
      }),
      ...(fleet === 0
        ? []
        : [shareRow({ name: `${name}: of what one uses`, unit: "×", values: shares }, fleet)]),
      callsRow({ name: `${name}: calls to Redis`, unit: "a renewal", values: calls }),
    ];
  });
  return { rows, notes: [`${offeredPerSecond} renewals/s were offered to each, on all cores`] };
}

/** Processor time of one of its processes for each renewal that all of them made. */
function costOf({ cores, renewalsPerSecond }: SharedStretch): number {
  return (cores / renewalsPerSecond) * 1e6;
}

function shareRow(figure: Figure, fleet: number): ReturnType<typeof rowOf> {
  return fleet === 1 ? bounded(figure, shareBelow) : rowOf(figure);
}

function callsRow(figure: Figure): ReturnType<typeof rowOf> {
  // A renewal that is tried again is another call.
  const row = rowOf(figure);
  return { ...row, target: "1", met: row.value < 1.05 };
}
