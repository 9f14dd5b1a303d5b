import { readCommandOptions, wholeNumberFrom } from "../support/runs/command-options.ts";
import { crashRuns } from "./crash-runs.ts";
import { CrashTotals, describeLost, lineOf } from "./report.ts";

const usage = `Kills the service under load, and checks that it remembers everything it answered.

  npm run crash -- [--runs N] [--seed S]

  --runs N   how often the process is killed (default: 10)
  --seed S   decides the load, and when the process is killed (default: from the clock)
  --help     print this text

A real process on a SQLite file is killed with SIGKILL while at least 100 changes are unanswered, and
restarted on the same file. The first one stays away for 20 s, which is longer than a negotiation may
take. Exits with 1 when a fact was lost, and prints it with the history of its session.`;

const longAwayMs = 20_000;

const { runs, seed } = readCommandOptions("crash", usage, {
  runs: wholeNumberFrom(1, 10),
  seed: wholeNumberFrom(0, Date.now() % 1_000_000),
});

process.exitCode = await crash(runs, seed);

async function crash(runs: number, seed: number): Promise<number> {
  const totals = new CrashTotals();
  print(`seed ${seed}`);
  for await (const run of crashRuns(runs, seed, longAwayMs)) {
    totals.add(run);
    print(lineOf(totals.runs, run));
    if (run.lost.length > 0) print(describeLost(seed, run));
  }
  print(String(totals));
  return totals.lost === 0 && totals.isHard ? 0 : 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
