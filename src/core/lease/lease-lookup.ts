import type { TokenHash } from "../ids.ts";
import type { Refusal } from "../refusal.ts";
import type { Lease, LeaseKey, SessionRecord } from "../session.ts";

export function isSameKey(a: LeaseKey, b: LeaseKey): boolean {
  return a.account === b.account && a.reason === b.reason;
}

/** The live lease that a token answers to. What is due has ended by now. */
export function liveLease(
  record: SessionRecord | undefined,
  tokenHash: TokenHash,
): Lease | undefined {
  if (record?.kind !== "attached") return undefined;
  return record.leases.live.find((lease) => lease.tokenHashes.includes(tokenHash));
}

/** Why a token is not live, as far as the session remembers. */
export function notLive(record: SessionRecord | undefined, tokenHash: TokenHash): Refusal {
  if (record === undefined) return { reason: "SESSION_UNKNOWN" };
  const ended = record.leases.ended.findLast((lease) => lease.tokenHashes.includes(tokenHash));
  return { reason: "LEASE_NOT_LIVE", endedBy: ended?.endedBy ?? "unknown" };
}
