import { limitIn, type Policy, type PolicyLimit, type PolicyRule } from "../core/policy.ts";
import { defaultOf, type SettingName } from "./settings-table.ts";

/** The fields of the policy that are settings; the others keep their defaults. */
export const policySettings: Readonly<Partial<Record<keyof Policy, SettingName>>> = {
  leaseTtlMs: "LEASE_TTL_MS",
  leaseTtlMsMin: "LEASE_TTL_MIN_MS",
  leaseTtlMsMax: "LEASE_TTL_MAX_MS",
  slowLeaseTtlMsMin: "LEASE_OLD_ROUTES_TTL_MIN_MS",
  negotiationTimeoutMs: "LEASE_NEGOTIATION_TIMEOUT_MS",
  evidenceStaleMs: "LEASE_EVIDENCE_STALE_MS",
  evidenceLostMs: "LEASE_EVIDENCE_LOST_MS",
  retireLingerMs: "LEASE_RETIRE_LINGER_MS",
  sessionIdleMs: "LEASE_SESSION_IDLE_MS",
  sessionsPerBeachMax: "LEASE_SESSIONS_PER_BEACH_MAX",
  sessionsMax: "LEASE_SESSIONS_MAX",
  attachesPerMinuteMax: "LEASE_ATTACHES_PER_MINUTE_MAX",
  leasesPerBeachMax: "LEASE_LEASES_PER_BEACH_MAX",
};

/** The settings behind the limits of a rule: two, one or none. */
export function settingsOf({ lesser, greater }: PolicyRule): readonly SettingName[] {
  return [settingOf(lesser), settingOf(greater)].filter((name) => name !== undefined);
}

/** A rule that `policy` breaks: its settings, their values, the rule, and what to set instead. */
export function explainFault(rule: PolicyRule, policy: Policy): string {
  const { lesser, greater, mayBeEqual, sentence } = rule;
  const [less, more] = [limitIn(policy, lesser), limitIn(policy, greater)];
  const [ceiling, floor] = mayBeEqual ? ["at most", "at least"] : ["less than", "more than"];
  const values = [given(lesser, less), given(greater, more)];
  const remedies = [remedy(lesser, `${ceiling} ${more}`), remedy(greater, `${floor} ${less}`)];
  return `${joined(values, " and ")}: ${sentence}; set ${joined(remedies, ", or ")}`;
}

function given(limit: PolicyLimit, value: number): string | undefined {
  const name = settingOf(limit);
  if (name === undefined) return undefined;
  return `${name} is ${value}${String(value) === defaultOf(name) ? " (the default)" : ""}`;
}

function remedy(limit: PolicyLimit, bound: string): string | undefined {
  const name = settingOf(limit);
  return name === undefined ? undefined : `${name} to ${bound}`;
}

function settingOf(limit: PolicyLimit): SettingName | undefined {
  return typeof limit === "number" ? undefined : policySettings[limit];
}

function joined(parts: readonly (string | undefined)[], between: string): string {
  return parts.filter((part) => part !== undefined).join(between);
}
