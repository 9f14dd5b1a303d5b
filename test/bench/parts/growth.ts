import { runFanOut } from "../../watch/size-run.ts";
import type { Bench, Part } from "../bench.ts";
import { startContestant } from "../contestant.ts";
import { inFlight } from "../entrants.ts";
import { type Calls, keepAliveCalls } from "../load/calls.ts";
import { measure, measureOnce, streamLoad, unaryLoad } from "../load/load.ts";
import { type Curve, type Findings, median, type Row } from "../report/row.ts";
import { secondsToFill, secondsToStart } from "../seconds.ts";

export const growthPart: Part = {
  name: "growth",
  title: "How costs grow",
  seconds: ({ sessionCounts, watcherCounts, recovered, warmUpMs, ms }) => {
    const firstOf = (count: number): number => Math.min(count / 2, manyMax);
    const rounds = (count: number): number =>
      restarts * (secondsToStart(count) + (2 * warmUpMs + 3 * ms) / 1000 + firstOf(count) / 10_000);
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
const manyMax = 80_000;
/** As many wherever there are a thousand sessions or more, so that these alone make the difference. */
const few = 500;

async function run(bench: Bench): Promise<Findings> {
  const costs: { readonly x: number; readonly costs: Costs }[] = [];
  for (const x of bench.size.sessionCounts) costs.push({ x, costs: await renewalCosts(bench, x) });
  const renewals = (name: string, kind: keyof Costs): Curve => {
    const points = costs.map(({ x, costs }) => ({ x, y: median(costs[kind]) }));
    return { name, unit, of: "sessions", points };
  };
  const changes: Point[] = [];
  for (const x of bench.size.watcherCounts) changes.push({ x, y: await changeCost(bench, x) });
  const curves: readonly Curve[] = [
    renewals(`Renew, ${few} leases in turn`, "unaryFew"),
    renewals(`KeepAlive in batches, ${few} leases in turn`, "batchedFew"),
    renewals("KeepAlive in batches, up to 80,000 leases in turn", "batchedMany"),
    renewals("KeepAlive in batches, first renewal after a restart", "first"),
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
  /** The steady state: of the same leases from then on, and of a few of them. */
  readonly batchedMany: number[];
  readonly batchedFew: number[];
  readonly unaryFew: number[];
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
  const many = leases.slice(half, half + Math.min(half, manyMax));
  const costs: Costs = { first: [], batchedMany: [], batchedFew: [], unaryFew: [] };
  // The code is compiled after the first of them; then what is written behind has to become steady.
  const stretch = { ...size, warmUpMs: size.warmUpMs / 2 };
  for (let round = 1; round <= restarts; round += 1) {
    progress(`growth: renewals of ${sessions} sessions, round ${round} of ${restarts}`);
    const start = { args: ["--file", path], cores, leases: many.slice(0, few) };
    await using service = await startContestant("lease-server.ts", start);
    const batched = async (calls: Calls, ms = size.ms): Promise<number> => {
      const load = streamLoad(calls, batch, depth);
      return (await measure(service, load, { ...stretch, ms })).cpuMicros;
    };
    await batched(keepAliveCalls(service.doors, warming, batch), 1);
    const ofMany = keepAliveCalls(service.doors, many, batch);
    costs.first.push(await measureOnce(service, ofMany, batches));
    costs.batchedMany.push(await batched(ofMany));
    costs.batchedFew.push(await batched(service.stream(batch)));
    const unary = unaryLoad(service.unary(), inFlight);
    costs.unaryFew.push((await measure(service, unary, stretch)).cpuMicros);
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
