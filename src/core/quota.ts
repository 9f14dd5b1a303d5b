import type { Draft } from "./draft.ts";
import type { BeachId } from "./ids.ts";
import type { Refusal } from "./refusal.ts";
import type { DurationMs } from "./time.ts";

/** Sessions end when they are detached or idle for a day, so a quick retry is useless. */
const retryMs: DurationMs = 30_000;

/** Why the private beach may attach no other session; undefined when it may. */
export function refusalToAttach({ context }: Draft, beachId: BeachId): Refusal | undefined {
  const { policy } = context;
  const { sessionsAtBeach, sessions, attachedLately } = context.populationOf(beachId);
  const tooMany = (what: Excess): Refusal => ({ reason: "TOO_MANY", what, retryAfterMs: retryMs });
  if (sessionsAtBeach >= policy.sessionsPerBeachMax) return tooMany("beach_sessions");
  if (sessions >= policy.sessionsMax) return tooMany("sessions");
  if (attachedLately >= policy.attachesPerMinuteMax) return tooMany("attaches");
  return undefined;
}

/** Why no other lease may be granted at the private beach; undefined when one may. */
export function refusalToGrantAtBeach({ context }: Draft, beachId: BeachId): Refusal | undefined {
  const { leasesAtBeach } = context.populationOf(beachId);
  if (leasesAtBeach < context.policy.leasesPerBeachMax) return undefined;
  return { reason: "TOO_MANY", what: "beach_leases", retryAfterMs: context.policy.leaseTtlMs };
}

type Excess = Extract<Refusal, { reason: "TOO_MANY" }>["what"];
