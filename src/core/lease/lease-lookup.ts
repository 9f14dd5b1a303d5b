import type { TokenHash } from "../ids.ts";
import type { Refusal } from "../refusal.ts";
import type { Lease, LeaseEnd, LeaseKey, SessionRecord } from "../session.ts";

export function isSameKey(a: LeaseKey, b: LeaseKey): boolean {
  return a.account === b.account && a.reason === b.reason;
}

/** The live lease of a token. Leases that are due have ended by now. */
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
  return { reason: "LEASE_NOT_LIVE", endedBy: endOf(record, tokenHash) };
}

/** How the lease of a token ended; `unknown` when it is not remembered. */
export function endOf({ leases }: SessionRecord, tokenHash: TokenHash): LeaseEnd | "unknown" {
  const ended = leases.ended.findLast((lease) => lease.tokenHashes.includes(tokenHash));
  return ended?.endedBy ?? "unknown";
}
