import { expect, test } from "vitest";

import { commitSeed } from "../support/runs/seeds.ts";
import { byLength, testLength } from "../support/runs/test-length.ts";
import { attacksOf } from "./attacks.ts";
import { reportOf } from "./judging/report.ts";
import { runTogether } from "./run-attacks.ts";

const seconds = byLength({ short: 1, long: 0.8 });
const attacks = attacksOf(testLength);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

test(`a beach that behaves well notices nothing of ${attacks.length} hostile callers`, async () => {
  const judged = await runTogether(attacks, {
    seconds,
    seed: commitSeed(),
    judgesTimes: false,
    say: () => undefined,
  });
  say(reportOf(judged));
  const broken = judged.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`));
  expect(broken).toEqual([]);
}, 600_000);
