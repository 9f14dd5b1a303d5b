import { runFanOut } from "../../watch/size-run.ts";
import type { Bench, Part } from "../bench.ts";
import { startContestant } from "../contestant.ts";
import { inFlight } from "../entrants.ts";
import { type Measured, measure, streamLoad, unaryLoad } from "../load.ts";
import { type Curve, type Findings, median, type Row } from "../report/row.ts";
import { secondsToFill, secondsToStart } from "../seconds.ts";

export const growthPart: Part = {
  name: "growth",
  title: "How costs grow",
  seconds: ({ sessionCounts, watcherCounts, recovered, warmUpMs, ms }) => {
    const rounds = (count: number): number =>
      restarts * (secondsToStart(count) + (2 * (warmUpMs + ms)) / 1000);
    // Those that are recovered from are there already.
    const fill = (count: number): number => (recovered.includes(count) ? 0 : secondsToFill(count));
    const watched = (count: number): number => 3 + (changesFor(count) * count) / 20_000;
    return (
      sessionCounts.reduce((sum, count) => sum + fill(count) + rounds(count), 0) +
      watcherCounts.reduce((sum, count) => sum + watched(count), 0)
    );
  },
  run,
};

/** Processes at each count of sessions. */
const restarts = 3;
const batches = { batch: 1000, depth: 4 };

async function run(bench: Bench): Promise<Findings> {
  const unary: Point[] = [];
  const batched: Point[] = [];
  for (const x of bench.size.sessionCounts) {
    const costs = await renewalCosts(bench, x);
    unary.push({ x, y: median(costs.unary.map(({ cpuMicros }) => cpuMicros)) });
    batched.push({ x, y: median(costs.batched.map(({ cpuMicros }) => cpuMicros)) });
  }
  const changes: Point[] = [];
  for (const x of bench.size.watcherCounts) changes.push({ x, y: await changeCost(bench, x) });
  const curves: readonly Curve[] = [
    { name: "Renew", unit: "µs of processor each", of: "sessions", points: unary },
    {
      name: "KeepAlive, batches of 1000",
      unit: "µs of processor each",
      of: "sessions",
      points: batched,
    },
    {
      name: "A change that all watch",
      unit: "µs of processor each",
      of: "watchers",
      points: changes,
    },
  ];
  return { rows: curves.flatMap(growthRows), curves };
}

type Point = Curve["points"][number];

/** What the last point costs more than the first, and for each of what there is. */
function growthRows({ name, of, points }: Curve): readonly Row[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  const what = `${name}: ${last.x} ${of} instead of ${first.x}`;
  return [{ name: what, value: last.y / first.y, unit: "× the cost" }];
}

/** Renewals of leases from all over the sessions, each round by a process that is started afresh. */
async function renewalCosts(
  { size, cores, files, progress }: Bench,
  sessions: number,
): Promise<{ readonly unary: readonly Measured[]; readonly batched: readonly Measured[] }> {
  progress(`growth: filling a file with ${sessions} sessions`);
  const { path, leases } = await files.with(sessions);
  const unary: Measured[] = [];
  const batched: Measured[] = [];
  for (let round = 1; round <= restarts; round += 1) {
    progress(`growth: renewals of ${sessions} sessions, round ${round} of ${restarts}`);
    const start = { args: ["--file", path], cores, leases };
    await using service = await startContestant("lease-server.ts", start);
    unary.push(await measure(service, unaryLoad(service.unary(), inFlight), size));
    const { batch, depth } = batches;
    batched.push(await measure(service, streamLoad(service.stream(batch), batch, depth), size));
  }
  return { unary, batched };
}

/** Processor time of the server for one change that so many streams over gRPC are told. */
async function changeCost({ cores, progress }: Bench, watchers: number): Promise<number> {
  progress(`growth: a change to ${watchers} watchers`);
  const changes = changesFor(watchers);
  const run = { args: ["--sqlite"], cores, warmUpChanges: changes / 2, changes };
  const { cpuMicrosPerMessage } = await runFanOut(watchers, "gRPC", run);
  return cpuMicrosPerMessage * watchers;
}

/** The fewer watch, the more changes it takes until the code is compiled. */
function changesFor(watchers: number): number {
  return Math.max(20, Math.min(400, Math.round(20_000 / watchers)));
}
