import {
  flag,
  numberAbove0,
  oneOf,
  readCommandOptions,
  someOf,
  text,
  wholeNumberFrom,
} from "../support/runs/command-options.ts";
import { forms } from "./attack.ts";
import { nothing } from "./attacks/nothing.ts";
import { attackNamed, attacks, attacksOf } from "./attacks.ts";
import { reportOf } from "./judging/report.ts";
import { runApart, runTogether } from "./run-attacks.ts";

const help = `Attacks a service from outside, beside a beach that behaves well, and judges the service by that beach.

  npm run hostile -- [--form NAME] [--only NAMES] [--seconds S] [--seed N] [--together]
                     [--profile FOLDER] [--list]

  --form NAME   which attacks: short, long or full (default: full)
  --only NAMES  these attacks alone, with commas between; --list names them
  --seconds S   for how long each goes on (default: 8)
  --seed N      what is drawn by chance (default: 1)
  --together    one after the other on one service, as the tests do; else each has its own, and "nothing" comes first
  --profile FOLDER  writes there, for each attack, a profile of the service; it is slower meanwhile
  --list        says what there is and runs nothing
  --help        this text

Ends with 1 when the service died, failed a call of the good beach, recorded a gap, kept memory, was
slow, disturbed the fast path, or did not refuse what it has to refuse.
`;

const values = readCommandOptions("hostile", help, {
  form: oneOf(forms),
  only: {
    ...someOf(attacks.map(({ name }) => name)),
    mustBe: "some of those that --list names, with commas between",
  },
  seconds: numberAbove0(8),
  seed: wholeNumberFrom(0, 1),
  together: flag,
  profile: text(""),
  list: flag,
});

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function run(): Promise<number> {
  const { form = "full", only, seconds, seed, profile } = values;
  const chosen = only?.map(attackNamed) ?? attacksOf(form);
  if (values.list) {
    for (const { name, form: smallest, sends, right } of chosen) {
      print(`${name} (${smallest})\n  sends: ${sends}\n  right: ${right}`);
    }
    return 0;
  }
  const runThem = values.together ? runTogether : runApart;
  // What the machine makes of the good beach by itself; where it is chosen, it comes first anyway.
  const floor = values.together || chosen.includes(nothing) ? [] : [nothing];
  const judged = await runThem([...floor, ...chosen], {
    seconds,
    seed,
    judgesTimes: !values.together,
    profileFolder: profile,
    say: print,
  });
  print(`\n${reportOf(judged)}`);
  return judged.every(({ faults }) => faults.length === 0) ? 0 : 1;
}

// Whoever ends it early leaves no process behind: they are killed on exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.exitCode = await run();
process.exit();
