import { hasRedis } from "../support/redis/redis-server.ts";
import {
  flag,
  numberAbove0,
  oneOf,
  optional,
  readCommandOptions,
  wholeNumberFrom,
} from "../support/runs/command-options.ts";
import { type Break, breakNamed, breaks } from "./breaks/breaks.ts";
import type { ChaosOptions } from "./chaos-run.ts";
import { type ChaosVerdict, judgeChaos } from "./judge-chaos.ts";

const help = `Runs real replicas on a real Redis, and kills, pauses and cuts them off.

  npm run chaos -- [--minutes M] [--seed N] [--replicas R] [--break NAME | --breaks]

  --minutes M   how long the trouble lasts; then everything heals and is judged (default: 1)
  --seed N      what is broken and when; processes never react twice the same (default: 1)
  --replicas R  how many processes share the store (default: 3)
  --break NAME  puts a fault into every replica, which has to be caught; by default with a seed that
                brings the right trouble
  --breaks      does so with each fault in turn
  --help        print this text

Needs redis-server. Exits with 1 when a guarantee is broken, and prints what led to it. With a fault,
exits with 1 when no guarantee that may catch it is broken. The faults:

${breaks.map(({ name, what }) => `  ${name.padEnd(30)}${what}`).join("\n")}
`;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function countsOf({ found }: ChaosVerdict): string {
  return [...found].map(([guarantee, times]) => `${guarantee} ${times}`).join(" · ") || "nothing";
}

/** Whether a run ended as it should. */
async function live(options: ChaosOptions): Promise<boolean> {
  const verdict = await judgeChaos(options);
  print(`${verdict.tally}`);
  print(`broken: ${countsOf(verdict)}`);
  if (verdict.failure !== undefined) print(verdict.failure);
  if (options.broken === undefined) return verdict.failure === undefined;
  print(verdictOn(options.broken, verdict));
  return catcherOf(options.broken, verdict) !== undefined;
}

/** Whether all breaks were caught; prints a line for each. */
async function liveThroughBreaks(options: Omit<ChaosOptions, "seed">): Promise<boolean> {
  let missed = 0;
  for (const broken of breaks) {
    const verdict = await judgeChaos({ ...options, broken, seed: broken.seed });
    if (catcherOf(broken, verdict) === undefined) missed += 1;
    print(`${verdictOn(broken, verdict)} (seed ${broken.seed}: ${countsOf(verdict)})`);
  }
  return missed === 0;
}

function verdictOn(broken: Break, verdict: ChaosVerdict): string {
  const catcher = catcherOf(broken, verdict);
  return `${broken.name}: ${catcher === undefined ? "not caught" : `caught by ${catcher}`}`;
}

function catcherOf({ caughtBy }: Break, { found }: ChaosVerdict): string | undefined {
  return caughtBy.find((guarantee) => found.has(guarantee));
}

const values = readCommandOptions("chaos", help, {
  minutes: numberAbove0(1),
  seed: optional(wholeNumberFrom(0, 1)),
  replicas: wholeNumberFrom(1, 3),
  break: oneOf(breaks.map(({ name }) => name)),
  breaks: flag,
});

async function run(): Promise<number> {
  if (!hasRedis) return 1;
  const { minutes, replicas } = values;
  const lasting = { minutes, replicas };
  if (values.breaks) return (await liveThroughBreaks({ ...lasting, say: () => undefined })) ? 0 : 1;
  const broken = values.break === undefined ? undefined : breakNamed(values.break);
  const seed = values.seed ?? broken?.seed ?? 1;
  return (await live({ ...lasting, seed, broken, say: print })) ? 0 : 1;
}

// Whoever ends it early leaves no process behind: they are killed on exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.exitCode = await run();
// Timers of connections that were given up would hold it for a quarter of an hour.
process.exit();
