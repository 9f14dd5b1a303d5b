import { type Environment, type Settings, toSettings } from "../settings/settings.ts";
import type { StartFault } from "../settings/start-fault.ts";
import { lookAround } from "./look-around.ts";
import { summarise } from "./summary.ts";

/** What came of looking at the settings and at what they name. */
export type Checked =
  | { readonly kind: "sound"; readonly summary: string }
  | { readonly kind: "faults"; readonly faults: readonly string[] };

/** Everything at once that would keep a start from serving, or what it would use. */
export async function checkSettings(env: Environment): Promise<Checked> {
  const result = toSettings(env);
  const settings = result.kind === "settings" ? result.settings : result.rest;
  const around = await lookAround(settings);
  const faults = [...(result.kind === "faults" ? result.faults : []), ...around.faults];
  if (faults.length > 0) return { kind: "faults", faults };
  return { kind: "sound", summary: summarise(settings, around) };
}

/** The faults that a start met, and those that the next one would meet. */
export async function everyFault(met: StartFault, settings: Settings): Promise<readonly string[]> {
  const { faults } = await lookAround(settings);
  // The same trouble may read a little differently the second time.
  const known = new Set(met.faults.map(subjectOf));
  return [...met.faults, ...faults.filter((fault) => !known.has(subjectOf(fault)))];
}

/** The setting that a fault names first. */
function subjectOf(fault: string): string | undefined {
  return /LEASE_[A-Z_]+/.exec(fault)?.[0];
}
