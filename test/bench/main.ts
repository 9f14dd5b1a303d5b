import { hasRedis } from "../support/redis/redis-server.ts";
import { flag, readCommandOptions } from "../support/runs/command-options.ts";
import { type Contestant, startContestant } from "./contestant.ts";
import { latenciesOf } from "./half-load.ts";
import { batchLoad, type Measured, measure, unaryLoad } from "./load.ts";
import { bytesPerSession } from "./memory.ts";
import { byConnection, byTurns, measureShared, type SharedStretch } from "./two-processes.ts";

const usage = `npm run bench -- [--quick] [--only-latency] [--only-redis] [--help]

Compares the hot path with a floor, in one run: the service on a SQLite file, and grpc-js with the
same messages and handlers that decide nothing. The two take turns, each in a fresh process, and the
median counts. A ratio compares processor time per renewal, so that a slow client hides nothing; 1.00
means as fast as the floor.

Then measures how long a renewal takes at half of the highest load: alone, and while all 1,000
sessions change at once every quarter of a second, each with a write to disk.

Then, if there is a redis-server, compares two processes on Redis with one: the processor time of each
at the same offered load, and the number of calls for a renewal.

  --quick          three rounds of two seconds instead of seven of four
  --only-latency   only how long renewals take
  --only-redis     only the two processes on Redis`;

const values = readCommandOptions("bench", usage, {
  quick: flag,
  "only-latency": flag,
  "only-redis": flag,
});

const rounds = values.quick ? 3 : 7;
const roundMs = values.quick ? 2000 : 4000;
const sessions = 100_000;
const sharedRounds = values.quick ? 1 : 5;
const offeredPerSecond = 1000;

if (values["only-redis"]) await compareShared();
else if (values["only-latency"]) await compareLatency();
else await bench();

async function bench(): Promise<void> {
  await compare("unary Renew", (contestant) => unaryLoad(contestant, 128));
  await compare("KeepAlive, batches of 1000", (contestant) => batchLoad(contestant, 1000, 4));
  await compareLatency();
  await compareShared();
  progress("filling sessions");
  const bytes = await bytesPerSession(sessions);
  print(`session with a lease and an active fast path: ${Math.round(bytes)} B at ${sessions}`);
}

async function compare(
  title: string,
  load: (contestant: Contestant) => ReturnType<typeof unaryLoad>,
): Promise<void> {
  const floor: Measured[] = [];
  const service: Measured[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`${title}: round ${round} of ${rounds}`);
    floor.push(await once("floor", "floor-server.ts", load));
    service.push(await once("service", "lease-server.ts", load));
  }
  const cpu = (all: readonly Measured[]): number => median(all.map((one) => one.cpuMicros));
  const rate = (all: readonly Measured[]): number => median(all.map((one) => one.perSecond));
  print(
    `${title}: ${(cpu(floor) / cpu(service)).toFixed(2)} × the floor ` +
      `(${cpu(service).toFixed(2)} µs of processor against ${cpu(floor).toFixed(2)}; ` +
      `${Math.round(rate(service))} renewals/s seen against ${Math.round(rate(floor))})`,
  );
}

async function compareLatency(): Promise<void> {
  const rates: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`what full load is: round ${round} of ${rounds}`);
    const full = await once("service", "lease-server.ts", (service) => unaryLoad(service, 128));
    rates.push(full.perSecond);
  }
  const perSecond = Math.round(median(rates) / 2);
  const cases = [
    { name: "the floor", file: "floor-server.ts", changes: {} },
    { name: "the service", file: "lease-server.ts", changes: {} },
    { name: "with changes", file: "lease-server.ts", changes: { changeAllEveryMs: 250 } },
  ];
  const p99s: number[][] = cases.map(() => []);
  const medians: number[][] = cases.map(() => []);
  for (let round = 1; round <= rounds; round++) {
    progress(`latency at half load: round ${round} of ${rounds}`);
    for (const [index, { name, file, changes }] of cases.entries()) {
      await using contestant = await startContestant(name, file);
      const took = await latenciesOf(contestant, { perSecond, ms: roundMs, ...changes });
      p99s[index]?.push(took[Math.floor(took.length * 0.99)] ?? Number.NaN);
      medians[index]?.push(took[Math.floor(took.length / 2)] ?? Number.NaN);
    }
  }
  const received = cases.map(({ name }, index) => {
    const [half, most] = [median(medians[index] ?? []), median(p99s[index] ?? [])];
    return `${name} ${half.toFixed(1)} and ${most.toFixed(1)} ms`;
  });
  print(`a renewal at half load (${perSecond}/s), median and p99: ${received.join(", ")}`);
}

async function compareShared(): Promise<void> {
  if (!hasRedis) return print("two processes on Redis: not measured, there is no redis-server");
  const fleets = [
    { processes: 1, choose: byConnection },
    { processes: 2, choose: byConnection },
    { processes: 2, choose: byTurns },
  ];
  const rounds: (readonly SharedStretch[])[] = [];
  for (let round = 1; round <= sharedRounds; round++) {
    progress(`two processes on Redis: round ${round} of ${sharedRounds}`);
    rounds.push(await measureShared(fleets, offeredPerSecond, roundMs));
  }
  const medianOf = (fleet: number, value: (stretch: SharedStretch) => number): number =>
    median(rounds.map((stretches) => value(stretches[fleet] as SharedStretch)));
  const [alone, together, turns] = [0, 1, 2] as const;
  const cores = (fleet: number): string => percent(medianOf(fleet, (one) => one.cores));
  const rate = (fleet: number): string => medianOf(fleet, (one) => one.renewalsPerSecond).toFixed();
  const calls = (fleet: number): string => medianOf(fleet, (one) => one.callsPerRenewal).toFixed(2);
  const share = (fleet: number): string =>
    median(
      rounds.map((stretches) => {
        const perRenewal = ({ cores: used, renewalsPerSecond }: SharedStretch): number =>
          used / renewalsPerSecond;
        return (
          perRenewal(stretches[fleet] as SharedStretch) /
          perRenewal(stretches[alone] as SharedStretch)
        );
      }),
    ).toFixed(2);
  print(
    `two processes on Redis: for the same renewals each uses ${share(together)} of what one alone ` +
      `does (${cores(together)} of a core at ${rate(together)}/s, against ${cores(alone)} at ` +
      `${rate(alone)}/s; ${percent(medianOf(together, (one) => one.idleCores))} when idle)`,
  );
  print(
    `calls to Redis per renewal: ${calls(alone)} by one process, ${calls(together)} by two whose ` +
      `clients stay with one, ${calls(turns)} where each renewal comes to the one that did not ` +
      `make the last (each uses ${share(turns)} of what one alone does)`,
  );
}

async function once(
  name: string,
  file: string,
  load: (contestant: Contestant) => ReturnType<typeof unaryLoad>,
): Promise<Measured> {
  await using contestant = await startContestant(name, file);
  return await measure(contestant, load(contestant), roundMs);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function progress(line: string): void {
  process.stderr.write(`… ${line}\n`);
}
