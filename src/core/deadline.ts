import { nextVerdictAt } from "./health.ts";
import type { Policy } from "./policy.ts";
import type { Session, SessionRecord } from "./session.ts";
import { type EpochMs, earliest } from "./time.ts";
import { currentOf, nextOf, usableOf } from "./view.ts";

/** The next moment at which time itself changes something about a record. */
export function nextDeadline(record: SessionRecord, policy: Policy): EpochMs | undefined {
  if (record.kind === "detached") return record.detachedAt + policy.tombstoneMs;
  const { path, lingering, abandoned } = record.transport;
  const current = currentOf(path);
  return [
    nextExpiry(record),
    nextOf(path)?.confirmBy,
    lingering?.honouredUntil,
    abandoned[0]?.honouredUntil,
    current && nextVerdictAt(record.transport, current, policy),
    provenAt(record, policy),
    idleAt(record, policy),
  ].reduce(earliest);
}

/** When the first of the live leases expires. */
export function nextExpiry(session: Session): EpochMs | undefined {
  let first: EpochMs | undefined;
  for (const lease of session.leases.live) first = earliest(first, lease.expiresAt);
  return first;
}

/** When the promoted transport has been usable for long enough to forgive earlier failures. */
export function provenAt(session: Session, policy: Policy): EpochMs | undefined {
  const { path, recoveries, replacements, earlyDeaths } = session.transport;
  const usable = usableOf(path);
  if (usable === undefined) return undefined;
  const forgivable = recoveries.failures + replacements.failures + earlyDeaths > 0;
  return forgivable ? usable.usableSince + policy.provenMs : undefined;
}

/** When the session goes idle, if nobody uses it before. */
export function idleAt(session: Session, policy: Policy): EpochMs | undefined {
  return session.leases.live.length > 0 ? undefined : session.activeAt + policy.sessionIdleMs;
}
