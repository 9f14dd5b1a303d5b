import type { Attack } from "./attack.ts";
import { type Judged, type JudgeOptions, judge } from "./judging/judge.ts";
import { openScene } from "./scene.ts";

export interface RunOptions extends JudgeOptions {
  readonly say: (line: string) => void;
}

/** Each attack on a service of its own. */
export async function runApart(
  attacks: readonly Attack[],
  options: RunOptions,
): Promise<readonly Judged[]> {
  const judged: Judged[] = [];
  for (const attack of attacks) judged.push(...(await onOneService([attack], options)));
  return judged;
}

/** One attack after the other on one service; those that need it started otherwise have their own. */
export async function runTogether(
  attacks: readonly Attack[],
  options: RunOptions,
): Promise<readonly Judged[]> {
  const judged: Judged[] = [];
  let rest = attacks.filter(({ service }) => service === undefined);
  while (rest.length > 0) {
    const done = await onOneService(rest, options);
    judged.push(...done);
    rest = rest.slice(done.length);
  }
  const others = attacks.filter(({ service }) => service !== undefined);
  return [...judged, ...(await runApart(others, options))];
}

/** Attacks up to the first one that did harm: what comes after it would be judged by that too. */
async function onOneService(attacks: readonly Attack[], options: RunOptions): Promise<Judged[]> {
  await using scene = await openScene(attacks[0]?.service);
  const judged: Judged[] = [];
  for (const attack of attacks) {
    const one = await judge(scene, attack, options);
    judged.push(one);
    options.say(lineOf(one));
    if (one.faults.length > 0) break;
  }
  return judged;
}

function lineOf({ name, faults, excused, p99Ms }: Judged): string {
  const verdict = faults.length === 0 ? "well" : faults.join(" · ");
  const excuses = excused.map((what) => ` (not counted: ${what})`).join("");
  return `${name}: ${verdict}${excuses}, p99 of renewals ${p99Ms.toFixed()} ms`;
}
