import {
  numberFrom0,
  readCommandOptions,
  wholeNumberFrom,
} from "../support/runs/command-options.ts";
import { seedAt } from "../support/runs/seeds.ts";
import { judgeSeed } from "./judging/judge-seed.ts";
import { completeFromSeeds, Tally } from "./seen/tally.ts";

const help = `Simulates days of the service by seed: clients, network, store, clocks, and their faults.

  npm run simulate -- [--seed N] [--seconds S]

  --seed N      the first seed; a seed always repeats the same days (default: 1)
  --seconds S   how long to continue with seeds derived from N; 0: only seed N (default: 20)
  --help        print this text

Exits with 1 when a guarantee is broken, and prints what led to it. Also exits with 1 when a run of
${completeFromSeeds} seeds or more never met something that it should.
`;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One seed after the other, for as long as it was asked; false: something was broken or missed. */
async function simulateFor(seed: number, seconds: number): Promise<boolean> {
  const tally = new Tally();
  const until = performance.now() + seconds * 1_000;
  let lived = 0;
  do {
    const verdict = await judgeSeed(lived === 0 ? seed : seedAt(seed, lived));
    tally.addAll(verdict.tally);
    lived += 1;
    if (verdict.failure !== undefined) {
      print(verdict.failure);
      return false;
    }
  } while (performance.now() < until);
  print(`${tally}\n${lived} seeds, nothing broken`);
  const { missing } = tally;
  if (lived < completeFromSeeds || missing.length === 0) return true;
  print(`never met:\n  ${missing.join("\n  ")}`);
  return false;
}

const { seed, seconds } = readCommandOptions("simulate", help, {
  seed: wholeNumberFrom(0, 1),
  seconds: numberFrom0(20),
});

process.exitCode = (await simulateFor(seed, seconds)) ? 0 : 1;
