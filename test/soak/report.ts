import { figure } from "./chart.ts";
import { measures, type Sample } from "./sample.ts";
import type { Soaked } from "./soak.ts";
import { samplesMin, type Trend } from "./verdict.ts";

/** One line of progress. */
export function progressOf(sample: Sample): string {
  const { at, resident, heap, external, descriptors, handles, timers, loopDelay } = sample;
  const minutes = (at / 60).toFixed(1).padStart(5);
  const memory = `rss ${figure(resident)} heap ${figure(heap)} external ${figure(external)} MB`;
  const open = `${descriptors} descriptors ${handles} handles ${timers} timers`;
  const { sessions, leases, streams } = sample;
  const load = `${sessions} sessions ${leases} leases ${streams} streams`;
  return `${minutes} min  ${memory}  ${open}  loop p99 ${figure(loopDelay)} ms  ${load}`;
}

/** What the load did, the trends of the later half, and whether all of them are flat. */
export function reportOf(soaked: Soaked, trends: readonly Trend[]): string {
  const done = [...soaked.done].sort().map(([what, times]) => `${what} ${times}`);
  const judged = trends.filter(({ bound }) => bound !== undefined);
  return [`the load: ${done.join(", ")}`, ...judged.map(lineOf), verdictOf(soaked, trends)].join(
    "\n",
  );
}

function lineOf({ measure, mean, growth, noise, bound = 0, isFlat }: Trend): string {
  const { name, unit } = measures[measure];
  const what = `${name.padEnd(24)} ${figure(mean).padStart(6)} ${unit}`.padEnd(35);
  const change = `${growth < 0 ? "" : "+"}${figure(growth)} (± ${figure(noise)}) in the later half`;
  return `${what} ${change}, ${figure(bound)} allowed: ${isFlat ? "flat" : "NOT FLAT"}`;
}

function verdictOf({ samples, exitCode }: Soaked, trends: readonly Trend[]): string {
  if (exitCode !== 0) return `the service ended with ${exitCode}, and not with 0`;
  if (trends.length === 0) return `no verdict: ${samples.length} samples of at least ${samplesMin}`;
  return isSound(trends) ? "flat" : "NOT FLAT";
}

export function isSound(trends: readonly Trend[]): boolean {
  return trends.length > 0 && trends.every(({ isFlat }) => isFlat);
}
