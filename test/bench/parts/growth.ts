import { runFanOut } from "../../watch/size-run.ts";
import type { Bench, Part } from "../bench.ts";
import { keepAliveCalls } from "../calls.ts";
import { startContestant } from "../contestant.ts";
import { inFlight } from "../entrants.ts";
import { measure, measureOnce, streamLoad, unaryLoad } from "../load.ts";
import { type Curve, type Findings, median, type Row } from "../report/row.ts";
import { secondsToFill, secondsToStart } from "../seconds.ts";

export const growthPart: Part = {
  name: "growth",
  title: "How costs grow",
  seconds: ({ sessionCounts, watcherCounts, recovered, warmUpMs, ms }) => {
    const firstOf = (count: number): number => Math.min(count / 2, measuredMax);
    const rounds = (count: number): number =>
      restarts *
      (secondsToStart(count) + (2.5 * warmUpMs + 2 * ms) / 1000 + firstOf(count) / 10_000);
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
const batches = { batch: 500, depth: 4 };
/** Leases that are renewed until the code is compiled, and others that the figures are of. */
const warmingMax = 20_000;
const measuredMax = 80_000;

async function run(bench: Bench): Promise<Findings> {
  const [first, unary, batched]: [Point[], Point[], Point[]] = [[], [], []];
  for (const x of bench.size.sessionCounts) {
    const costs = await renewalCosts(bench, x);
    first.push({ x, y: median(costs.first) });
    unary.push({ x, y: median(costs.unary) });
    batched.push({ x, y: median(costs.batched) });
  }
  const changes: Point[] = [];
  for (const x of bench.size.watcherCounts) changes.push({ x, y: await changeCost(bench, x) });
  const curves: readonly Curve[] = [
    { name: "Renew, steady", unit, of: "sessions", points: unary },
    { name: "KeepAlive in batches, steady", unit, of: "sessions", points: batched },
    {
      name: "KeepAlive in batches, first renewal after a restart",
      unit,
      of: "sessions",
      points: first,
    },
    { name: "A change that all watch", unit, of: "watchers", points: changes },
  ];
  return { rows: curves.flatMap(growthRows), curves };
}

type Point = Curve["points"][number];

const unit = "µs of processor each";

/** What the last point costs more than the first, and for each of what there is. */
function growthRows({ name, of, points }: Curve): readonly Row[] {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  const what = `${name}: ${last.x} ${of} instead of ${first.x}`;
  return [{ name: what, value: last.y / first.y, unit: "× the cost" }];
}

/** Processor time of a renewal, round by round. */
interface Costs {
  /** Each lease for the first time since the start, which puts the absence on record. */
  readonly first: number[];
  /** Of the same leases, from then on. */
  readonly unary: number[];
  readonly batched: number[];
}

/** Renewals of leases from all over the sessions, each round by a process that is started afresh. */
async function renewalCosts(
  { size, cores, files, progress }: Bench,
  sessions: number,
): Promise<Costs> {
  progress(`growth: filling a file with ${sessions} sessions`);
  const { path, leases } = await files.with(sessions);
  const { batch, depth } = batches;
  const half = Math.floor(leases.length / 2);
  const warming = leases.slice(0, Math.min(half, warmingMax));
  const measured = leases.slice(half, half + Math.min(half, measuredMax));
  const costs: Costs = { first: [], unary: [], batched: [] };
  for (let round = 1; round <= restarts; round += 1) {
    progress(`growth: renewals of ${sessions} sessions, round ${round} of ${restarts}`);
    const start = { args: ["--file", path], cores, leases: measured };
    await using service = await startContestant("lease-server.ts", start);
    const others = keepAliveCalls(service.doors, warming, batch);
    await measure(service, streamLoad(others, batch, depth), { ...size, ms: 100 });
    const calls = service.stream(batch);
    costs.first.push(await measureOnce(service, calls, batches));
    // The code is compiled, but what is written behind has to become steady.
    const steady = { ...size, warmUpMs: size.warmUpMs / 2 };
    const batched = await measure(service, streamLoad(calls, batch, depth), steady);
    costs.batched.push(batched.cpuMicros);
    const unary = await measure(service, unaryLoad(service.unary(), inFlight), size);
    costs.unary.push(unary.cpuMicros);
  }
  return costs;
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
