import { spreadOver } from "../../support/process/cores.ts";
import { hasRedis } from "../../support/redis/redis-server.ts";
import type { Bench, Part } from "../bench.ts";
import { bounded, type Figure, type Findings, type Row, rowOf } from "../report/row.ts";
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
  { name: "One process", processes: 1, choose: byConnection },
  { name: "Two processes, each with its own callers", processes: 2, choose: byConnection },
  {
    name: "Two processes, each renewal at the one that did not make the last",
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
    const values = valuesOf(fleet, ({ callsPerRenewal }) => callsPerRenewal);
    const cost = {
      name: `${name}: each process`,
      unit: "µs a renewal of all",
      values: costs[fleet] ?? [],
    };
    const share = { name: `${name}: each process beside one alone`, unit: "×", values: shares };
    return [
      rowOf(cost),
      ...(fleet === 0 ? [] : [bounded(share, fleet === 1 ? shareBelow : undefined)]),
      callsRow({ name: `${name}: calls to Redis`, unit: "a renewal", values }, fleet === 1),
    ];
  });
  return {
    rows,
    notes: [
      `${offeredPerSecond} renewals/s were offered to each, on all cores; here each renewal is a write to Redis`,
    ],
  };
}

/** Processor time of one of its processes for each renewal that all of them made. */
function costOf({ cores, renewalsPerSecond }: SharedStretch): number {
  return (cores / renewalsPerSecond) * 1e6;
}

function callsRow(figure: Figure, isJudged: boolean): Row {
  const row = rowOf(figure);
  // A renewal that is tried again is another call.
  return isJudged ? { ...row, target: "1 call", met: row.value < 1.05 } : row;
}
