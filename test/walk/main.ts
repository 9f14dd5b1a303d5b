import { readCommandOptions } from "../support/runs/command-options.ts";
import { brokenBy } from "./mutant.ts";
import { mutations } from "./mutations.ts";
import { countsOf, reportOf, violationOf } from "./report.ts";
import { largeScenes, scenes } from "./scenes.ts";
import { type Walked, walk } from "./walk.ts";

const help = `Visits every state of the core within small bounds, and checks that mutants are caught.

  npm run walk

Exits with 1 when a promise is broken, and prints what led to it, or when a mutant is not caught.
`;

readCommandOptions("walk", help, {});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const walks: Walked[] = [];
for (const scene of [...scenes, ...largeScenes]) {
  const walked = walk(scene);
  walks.push(walked);
  say([reportOf(walked), violationOf(walked)].filter((text) => text !== "").join("\n"));
}
say(countsOf(walks));
const total = (pick: (walked: Walked) => number): number =>
  walks.reduce((sum, walked) => sum + pick(walked), 0);
say(`in all: ${total((one) => one.states)} states, ${total((one) => one.edges)} edges`);

let missed = 0;
for (const mutation of mutations) {
  const promises = await brokenBy(mutation);
  const caught = promises.find((promise) => mutation.caughtBy.includes(promise));
  if (caught === undefined) missed += 1;
  say(`${mutation.name}: ${caught ?? `not caught, but ${promises.join(", ") || "nothing"}`}`);
}
const broken = walks.some((walked) => walked.violation !== undefined) || missed > 0;
process.exitCode = broken ? 1 : 0;
