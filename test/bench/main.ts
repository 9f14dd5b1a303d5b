import { parseArgs } from "node:util";

import { type Contestant, startContestant } from "./contestant.ts";
import { batchLoad, type Measured, measure, unaryLoad } from "./load.ts";
import { bytesPerSession } from "./memory.ts";

const usage = `npm run bench -- [--quick] [--help]

Measures the hot path beside its floor on this machine, in one run: the service on a SQLite file,
and grpc-js with the same messages and handlers that decide nothing. Contestants take turns, each in
a fresh process, and the median counts. Ratios are of processor time per renewal, which a client
that is slower than the servers cannot hide; 1.00 means as fast as the floor.

  --quick   three rounds of two seconds instead of seven of four`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const rounds = values.quick ? 3 : 7;
const roundMs = values.quick ? 2000 : 4000;
const sessions = 100_000;

if (values.help) print(usage);
else await bench();

async function bench(): Promise<void> {
  await compare("unary Renew", (contestant) => unaryLoad(contestant, 128));
  await compare("KeepAlive, batches of 1000", (contestant) => batchLoad(contestant, 1000, 4));
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

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function progress(line: string): void {
  process.stderr.write(`… ${line}\n`);
}
