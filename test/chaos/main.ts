import { numberAbove0, readCommandOptions, wholeNumberFrom } from "../support/command-options.ts";
import { hasRedis } from "../support/redis-server.ts";
import { judgeChaos } from "./judge-chaos.ts";

const help = `Lives with real replicas and a real Redis that are killed, paused and cut off.

  npm run chaos -- [--minutes M] [--seed N] [--replicas R]

  --minutes M   for how long there is trouble; then everything heals and is judged (default: 1)
  --seed N      what strikes when; how processes take it is never the same twice (default: 1)
  --replicas R  how many processes share the store (default: 3)
  --help        this text

Needs redis-server. Ends with 1 when a guarantee was broken, with what led to it.
`;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function chaosFor(seed: number, minutes: number, replicas: number): Promise<boolean> {
  const { tally, found, failure } = await judgeChaos({ seed, minutes, replicas, say: print });
  print(`${tally}`);
  const counts = [...found].map(([guarantee, times]) => `${guarantee} ${times}`);
  print(`broken: ${counts.join(" · ") || "nothing"}`);
  if (failure !== undefined) print(failure);
  return failure === undefined;
}

const { minutes, seed, replicas } = readCommandOptions("chaos", help, {
  minutes: numberAbove0(1),
  seed: wholeNumberFrom(0, 1),
  replicas: wholeNumberFrom(1, 3),
});

async function run(): Promise<number> {
  if (!hasRedis) return 1;
  return (await chaosFor(seed, minutes, replicas)) ? 0 : 1;
}

// Whoever ends it early leaves no process behind: they are killed on exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.exitCode = await run();
// Timers of connections that were given up would hold it for a quarter of an hour.
process.exit();
