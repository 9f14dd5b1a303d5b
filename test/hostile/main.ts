import {
  flag,
  numberAbove0,
  oneOf,
  readCommandOptions,
  wholeNumberFrom,
} from "../support/runs/command-options.ts";
import { forms } from "./attack.ts";
import { attackNamed, attacks, attacksOf } from "./attacks.ts";
import { reportOf } from "./report.ts";
import { runApart, runTogether } from "./run-attacks.ts";

const help = `Attacks a service from outside, beside a beach that behaves well, and judges the service by that beach.

  npm run hostile -- [--form NAME] [--only NAME] [--seconds S] [--seed N] [--together] [--list]

  --form NAME   which attacks: short, long or full (default: full)
  --only NAME   one attack alone; --list names them
  --seconds S   for how long each goes on (default: 8)
  --seed N      what is drawn by chance (default: 1)
  --together    one after the other on one service, as the tests do; else each has its own
  --list        says what there is and runs nothing
  --help        this text

Ends with 1 when the service died, failed a call of the good beach, recorded a gap, kept memory, was
slow, disturbed the fast path, or did not refuse what it has to refuse.
`;

const values = readCommandOptions("hostile", help, {
  form: oneOf(forms),
  only: { ...oneOf(attacks.map(({ name }) => name)), mustBe: "one of those that --list names" },
  seconds: numberAbove0(8),
  seed: wholeNumberFrom(0, 1),
  together: flag,
  list: flag,
});

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function run(): Promise<number> {
  const { form = "full", only, seconds, seed } = values;
  const chosen = only === undefined ? attacksOf(form) : [attackNamed(only)];
  if (values.list) {
    for (const { name, form: smallest, sends, right } of chosen) {
      print(`${name} (${smallest})\n  sends: ${sends}\n  right: ${right}`);
    }
    return 0;
  }
  const runThem = values.together ? runTogether : runApart;
  const judged = await runThem(chosen, {
    seconds,
    seed,
    judgesTimes: !values.together,
    say: print,
  });
  print(`\n${reportOf(judged)}`);
  return judged.every(({ faults }) => faults.length === 0) ? 0 : 1;
}

// Whoever ends it early leaves no process behind: they are killed on exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.exitCode = await run();
process.exit();
