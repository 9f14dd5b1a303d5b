import { breachesOf, type NamedBreach } from "../simulation/judging/all-checkers.ts";
import { type Knowledge, witnessOf } from "../simulation/judging/witness.ts";
import type { Tally } from "../simulation/seen/tally.ts";
import { describeFailure } from "../support/runs/report.ts";
import { type ChaosOptions, type ChaosRun, liveThroughChaos } from "./chaos-run.ts";

/** What became of a run. */
export interface ChaosVerdict {
  readonly tally: Tally;
  /** How often each guarantee was broken. */
  readonly found: ReadonlyMap<string, number>;
  /** How it broke; undefined when it did not. */
  readonly failure: string | undefined;
}

/** One fault of the service is soon seen in many places. */
const othersMax = 12;

/** What is known of a real fleet by those whom it answers. */
const knowledge: Knowledge = {
  processes: "several",
  onItsWayMs: 0,
  // A process takes over the store's clock to within half of the time that the answer took.
  clockMs: 1_000,
  lateMs: 2_000,
  // Of an outage that has lasted for as long as makes a gap already.
  noticedMs: 500,
};

/** Lives through chaos, and has the checkers of the simulation look at it. */
export async function judgeChaos(options: ChaosOptions): Promise<ChaosVerdict> {
  const run = await liveThroughChaos(options);
  const breaches = breachesOf(witnessOf({ ...run, knowledge }));
  const found = new Map<string, number>();
  for (const { guarantee } of breaches) found.set(guarantee, (found.get(guarantee) ?? 0) + 1);
  if (run.bugs.length > 0) found.set("bugs", run.bugs.length);
  const failure = found.size === 0 ? undefined : describe(options, run, breaches);
  return { tally: run.tally, found, failure };
}

function describe(
  { seed, minutes, replicas, broken }: ChaosOptions,
  { sights, bugs }: ChaosRun,
  breaches: readonly NamedBreach[],
): string {
  const how = broken === undefined ? "" : `--break ${broken.name} `;
  const replay = `npm run chaos -- ${how}--seed ${seed} --minutes ${minutes} --replicas ${replicas}`;
  const faults = "as the seed says; when exactly they strike what is real";
  const others = breaches.slice(1, othersMax + 1).map(({ guarantee, text, sessionId, serial }) => {
    return `also: ${guarantee}: ${text} (${sessionId}, at ${serial})`;
  });
  return [describeFailure({ seed, faults, sights, bugs, replay }, breaches), ...others].join("\n");
}
