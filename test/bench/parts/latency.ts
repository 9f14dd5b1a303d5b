import type { Bench, Part, Size } from "../bench.ts";
import { alternate, type Entrant } from "../contest.ts";
import type { Contestant } from "../contestant.ts";
import { etcd, grpcFloor, service, unaryOverAll } from "../entrants.ts";
import { changeAll, type Latencies, latenciesOf } from "../load/latencies.ts";
import { bounded, type Figure, type Findings, median, rowOf } from "../report/row.ts";
import { secondsOf } from "../seconds.ts";

export const latencyPart: Part = {
  name: "latency",
  title: "How long a renewal takes at half of the service's highest load",
  seconds: (size) => secondsOf(size, 1) + secondsOf(warmed(size), 4),
  run,
};

/** Each is a write to disk of every session. */
const changeEveryMs = 250;
/** At half load, Node takes longer to have compiled what a call runs. */
const warmUps = 3;
const p99MsBelow = 10;

async function run(bench: Bench): Promise<Findings> {
  const full = await alternate(bench, "the highest load", [unaryOverAll(bench, service(bench))]);
  const half = median((full[0] ?? []).map(({ perSecond }) => perSecond)) / 2;
  const perSecond = Math.round(half / 100) * 100 || 100;
  const measure = (contestant: Contestant): Promise<Latencies> =>
    latenciesOf(contestant, perSecond, warmed(bench.size));
  const entrants = [
    { ...service(bench), measure },
    { name: "the service while all sessions change", start: () => startChanging(bench), measure },
    { ...grpcFloor(bench), measure },
    ...etcd(bench).map((start) => ({ ...start, measure })),
  ] as const satisfies readonly Entrant<Latencies>[];
  const measured = await alternate(bench, `latency at ${perSecond} renewals/s`, entrants);
  const rows = entrants.flatMap(({ name }, index) => {
    const rounds = measured[index] ?? [];
    const p99 = percentile(`${name}, p99`, rounds, 0.99);
    return [
      rowOf(percentile(`${name}, p50`, rounds, 0.5)),
      bounded(p99, index === 0 ? p99MsBelow : undefined),
    ];
  });
  return {
    rows,
    notes: [
      `${perSecond} renewals/s were offered, by our client; all sessions change every ${changeEveryMs} ms`,
    ],
  };
}

function warmed(size: Size): Size {
  return { ...size, warmUpMs: warmUps * size.warmUpMs };
}

/** The service, all of whose sessions change again and again. */
async function startChanging(bench: Bench): Promise<Contestant> {
  const contestant = await service(bench).start();
  const over = new AbortController();
  const changing = changeAll(contestant, changeEveryMs, over.signal);
  return {
    ...contestant,
    async [Symbol.asyncDispose]() {
      over.abort();
      await changing;
      await contestant[Symbol.asyncDispose]();
    },
  };
}

function percentile(name: string, rounds: readonly Latencies[], share: number): Figure {
  const values = rounds.map((took) => took[Math.floor(took.length * share)] ?? Number.NaN);
  return { name, unit: "ms", values };
}
