import { describeFailure } from "../../support/runs/report.ts";
import type { Tally } from "../seen/tally.ts";
import { type Run, simulate } from "../simulation.ts";
import { breachesOf, type NamedBreach } from "./all-checkers.ts";
import { witnessOf } from "./witness.ts";

/** What became of a seed; `failure` says how it broke, and is undefined when it did not. */
export interface Verdict {
  readonly seed: number;
  readonly tally: Tally;
  readonly failure: string | undefined;
}

/** Lives through a seed, and has every checker look at it. */
export async function judgeSeed(seed: number): Promise<Verdict> {
  const run = await simulate(seed);
  const breaches = breachesOf(witnessOf(run));
  const isWell = breaches.length === 0 && run.bugs.length === 0;
  return { seed, tally: run.tally, failure: isWell ? undefined : describe(run, breaches) };
}

function describe(run: Run, breaches: readonly NamedBreach[]): string {
  const faults = [...run.plan].map(([name, rate]) => `${name} ${rate}`).join(", ") || "none";
  const replay = `npm run simulate -- --seed ${run.seed} --seconds 0`;
  return describeFailure({ ...run, faults, replay }, breaches);
}
