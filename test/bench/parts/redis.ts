import { type Cores, keepAwake, moveTo } from "../../support/process/cores.ts";
import { hasRedis } from "../../support/redis/redis-server.ts";
import type { Bench, Part, Size } from "../bench.ts";
import { type Contestant, startContestant } from "../contestant.ts";
import { emptyGrpc } from "../entrants.ts";
import { pacedLoad, streamLoad } from "../load/load.ts";
import { bounded, compared, type Figure, type Findings, type Row, rowOf } from "../report/row.ts";
import {
  byConnection,
  byTurns,
  idleCores,
  renewFor,
  SharedFleet,
  type SharedStretch,
  warmUp,
} from "../shared-store.ts";

export const redisPart: Part = {
  name: "redis",
  title: "Two processes on one Redis, compared with one at the same offered load",
  seconds: (size) =>
    4 + size.leases / 30 + size.rounds * (2 + size.leases / 400 + (11 * stretchMs(size)) / 1000),
  run,
};

/** What one process carries with a good half of a core; and where it is mostly waking up. */
const [busy, quiet] = [6000, 1000];
const shareBelow = 0.55;
const batches = { size: 1000, depth: 2 };
/** By how often each lease has been renewed before. */
const warmUpPasses = 40;

/** There are many stretches, and the least load comes to hundreds of renewals in one. */
function stretchMs({ ms }: Size): number {
  return ms / 3;
}

/** They stay for all rounds, since it takes them long to come to what they cost when they are warm. */
interface Servers {
  readonly one: SharedFleet;
  readonly two: SharedFleet;
  /** It decides nothing. */
  readonly floor: Contestant;
}

/** What each round came to. */
interface Round {
  readonly one: Stretches;
  readonly two: Stretches;
  readonly byTurns: SharedStretch;
  readonly batches: SharedStretch;
  readonly idleCores: number;
  /** Processor time of an empty handler for a renewal of all, offered all of them and half. */
  readonly floor: { readonly whole: number; readonly half: number };
}

interface Stretches {
  readonly busy: SharedStretch;
  readonly quiet: SharedStretch;
}

async function run({ size, cores, progress }: Bench): Promise<Findings> {
  if (!hasRedis) return { rows: [], notes: ["not measured: there is no redis-server"] };
  const { leases } = size;
  await using stack = new AsyncDisposableStack();
  if (cores !== undefined) stack.use(keepAwake(cores.server));
  const servers = {
    one: await SharedFleet.start(1, leases, stack),
    two: await SharedFleet.start(2, leases, stack),
    floor: stack.use(await startContestant("floor-server.ts", { args: [String(leases)] })),
  };
  progress("two processes on Redis: warming up");
  const place = placer(servers, cores);
  for (const each of all(servers)) {
    place(each);
    await warmUp(each, warmUpPasses * leases);
  }
  const rounds: Round[] = [];
  for (let round = 1; round <= size.rounds; round += 1) {
    progress(`two processes on Redis: round ${round} of ${size.rounds}`);
    rounds.push(await measureRound(servers, { place, round, ms: stretchMs(size) }));
  }
  return { rows: rowsOf(rounds), notes };
}

function all({ one, two, floor }: Servers): readonly Contestant[] {
  return [...one.contestants, ...two.contestants, floor];
}

/**
 * Gives the one that is measured a core of its own. The other process of two, Redis and the caller
 * share the other core, or what a process costs would depend on who runs beside it.
 */
function placer(servers: Servers, cores: Cores | undefined): (measured: Contestant) => void {
  return (measured) => {
    if (cores === undefined) return;
    for (const each of all(servers)) {
      moveTo(each === measured ? cores.server : cores.callers, each.pid);
    }
  };
}

interface RoundSettings {
  readonly place: (measured: Contestant) => void;
  readonly round: number;
  readonly ms: number;
}

/** One after the other, since the machine could not carry them all at the same time. */
async function measureRound(
  { one, two, floor }: Servers,
  { place, round, ms }: RoundSettings,
): Promise<Round> {
  /** Of two, each is measured in every other round. */
  const measuredOf = ({ contestants }: SharedFleet): Contestant => {
    const measured = contestants[round % contestants.length];
    if (measured === undefined) throw new RangeError("a fleet has a process");
    place(measured);
    return measured;
  };
  const offered = (fleet: SharedFleet, perSecond: number, choose = byConnection) =>
    fleet.measure(pacedLoad(fleet.contestants, perSecond, choose), ms, measuredOf(fleet));
  const floorOffered = async (perSecond: number): Promise<number> => {
    place(floor);
    const load = pacedLoad([floor], perSecond, byConnection);
    await renewFor(load, (_, passedMs) => passedMs > ms);
    const before = await floor.cpuMicros();
    const renewals = await renewFor(load, (_, passedMs) => passedMs > ms);
    return ((await floor.cpuMicros()) - before) / renewals;
  };
  const streamed = (): Promise<SharedStretch> => {
    const measured = measuredOf(one);
    const load = streamLoad(measured.stream(batches.size), batches.size, batches.depth);
    return one.measure(load, ms, measured);
  };
  return {
    one: { busy: await offered(one, busy), quiet: await offered(one, quiet) },
    two: { busy: await offered(two, busy), quiet: await offered(two, quiet) },
    byTurns: await offered(two, busy, byTurns),
    batches: await streamed(),
    idleCores: await idleCores(measuredOf(one), ms),
    floor: { whole: await floorOffered(busy), half: (await floorOffered(busy / 2)) / 2 },
  };
}

function rowsOf(rounds: readonly Round[]): readonly Row[] {
  const figure = (name: string, unit: string, value: (round: Round) => number): Figure => {
    return { name, unit, values: rounds.map(value) };
  };
  const cost = (name: string, of: (round: Round) => SharedStretch): readonly Row[] => [
    rowOf(figure(`${name}: each process`, "µs a renewal of all", (at) => of(at).processMicros)),
    rowOf(figure(`${name}: Redis`, "µs a renewal", (at) => of(at).redisMicros)),
  ];
  const beside = (how: keyof Stretches, perSecond: number): Figure =>
    figure(
      `Two processes on Redis, ${perSecond} renewals/s: each beside one alone`,
      "×",
      ({ one, two }) => two[how].processMicros / one[how].processMicros,
    );
  const floor = {
    with: "floor",
    name: `${emptyGrpc}, half the load beside all`,
    values: rounds.map(({ floor: { whole, half } }) => half / whole),
  } as const;
  const calls = (name: string, of: (round: Round) => SharedStretch): Row =>
    rowOf(figure(`${name}: calls to Redis`, "a renewal", (at) => of(at).callsPerRenewal));
  const own = calls("Two processes on Redis", ({ two }) => two.quiet);
  return [
    ...cost(`One process, ${busy}/s`, ({ one }) => one.busy),
    ...cost(`Two processes, ${busy}/s`, ({ two }) => two.busy),
    { ...bounded(beside("busy", busy), shareBelow), ...compared(beside("busy", busy), floor) },
    ...cost(`One process, ${quiet}/s`, ({ one }) => one.quiet),
    ...cost(`Two processes, ${quiet}/s`, ({ two }) => two.quiet),
    rowOf(beside("quiet", quiet)),
    // A renewal that is tried again is another call.
    { ...own, target: "≤ 1 call", met: own.value < 1.05 },
    ...cost(
      "Two processes, each renewal at the one that did not make the last",
      (at) => at.byTurns,
    ),
    calls("Two processes, each renewal at the one that did not make the last", (at) => at.byTurns),
    ...cost(`KeepAlive on Redis, batches of ${batches.size}`, (at) => at.batches),
    calls(`KeepAlive on Redis, batches of ${batches.size}`, (at) => at.batches),
    rowOf(figure("One process while nobody calls", "% of a core", (at) => at.idleCores * 100)),
  ];
}

const notes = [
  "the offered renewals come every millisecond; the process that is measured has a core of its own, which stays awake; here each renewal is written to Redis",
];
