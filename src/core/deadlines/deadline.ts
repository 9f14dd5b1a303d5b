import type { Policy } from "../policy.ts";
import type { Session, SessionRecord, Tombstone } from "../session.ts";
import { type DurationMs, type EpochMs, earliest } from "../time.ts";
import { nextVerdictAt } from "../transport/health.ts";
import { currentOf, nextOf, pendingDeliveryOf, usableOf } from "../view.ts";

/** A record, and its next deadline by the policy in force. */
export interface Scheduled<Kind extends SessionRecord = SessionRecord> {
  readonly record: Kind;
  readonly deadline: EpochMs | undefined;
}

/** The next moment at which time itself changes something about a record. */
export function nextDeadline(record: SessionRecord, policy: Policy): EpochMs | undefined {
  if (record.kind === "detached") return forgottenAt(record, policy);
  const { path, lingering, abandoned } = record.transport;
  const current = currentOf(path);
  return [
    nextExpiry(record),
    nextOf(path)?.confirmBy,
    pendingDeliveryOf(path)?.nextTryAt,
    lingering?.honouredUntil,
    abandoned[0]?.honouredUntil,
    current && nextVerdictAt(record.transport, current, record.activeAt, policy),
    recoveriesForgivenAt(record, policy),
    replacementsForgivenAt(record, policy),
    idleAt(record, policy),
  ].reduce(earliest);
}

/**
 * The same of a session after leases were extended, and nothing else happened since its deadline was
 * `deadline`: only when that was the end of a lease has it moved.
 */
export function deadlineAfterExtension(
  { record, deadline }: Scheduled<Session>,
  extended: Session,
  policy: Policy,
): EpochMs | undefined {
  return deadline === nextExpiry(record) ? nextDeadline(extended, policy) : deadline;
}

/**
 * When a tombstone may expire: it has stood for its time, and service time has passed every number
 * in it.
 */
function forgottenAt(tombstone: Tombstone, policy: Policy): EpochMs {
  const { detachedAt, leases } = tombstone;
  const stood = detachedAt + tombstoneLife(tombstone, policy);
  return Math.max(stood, usedGeneration(tombstone) + 1, leases.epoch + 1);
}

/** A session that never had a fast path gave out nothing that must be refused for long. */
function tombstoneLife(tombstone: Tombstone, policy: Policy): DurationMs {
  const { tombstoneMs, unprovenTombstoneMs } = policy;
  return usedGeneration(tombstone) === 0 ? Math.min(unprovenTombstoneMs, tombstoneMs) : tombstoneMs;
}

function usedGeneration({ generation, generationFloor }: Tombstone): number {
  return Math.max(generation, generationFloor);
}

/** When the first of the live leases expires. */
function nextExpiry(session: Session): EpochMs | undefined {
  let first: EpochMs | undefined;
  for (const lease of session.leases.live) first = earliest(first, lease.expiresAt);
  return first;
}

/** When the promoted transport has been usable for long enough to forgive all before it. */
export function recoveriesForgivenAt({ transport }: Session, policy: Policy): EpochMs | undefined {
  const usable = usableOf(transport.path);
  const failures = transport.recoveries.failures + transport.earlyDeaths;
  return usable && failures > 0 ? usable.usableSince + policy.provenMs : undefined;
}

/**
 * A failed replacement does not end the usable transport, which is proven from the end of the
 * delay.
 */
export function replacementsForgivenAt(
  { transport }: Session,
  policy: Policy,
): EpochMs | undefined {
  const usable = usableOf(transport.path);
  const { failures, notBefore } = transport.replacements;
  if (usable === undefined || failures === 0) return undefined;
  return Math.max(usable.usableSince, notBefore) + policy.provenMs;
}

/** When the session goes idle, if nobody uses it before. */
export function idleAt(session: Session, policy: Policy): EpochMs | undefined {
  return session.leases.live.length > 0 ? undefined : session.activeAt + policy.sessionIdleMs;
}
