import type { LeaseId, TokenHash } from "../ids.ts";
import type { Refusal } from "../refusal.ts";
import type { Lease, LeaseEnd, LeaseKey, Session, SessionRecord } from "../session.ts";

export function isSameKey(a: LeaseKey, b: LeaseKey): boolean {
  return a.account === b.account && a.reason === b.reason;
}

/** The live lease of a token. Leases that are due have ended by now. */
export function liveLease(
  record: SessionRecord | undefined,
  tokenHash: TokenHash,
): Lease | undefined {
  if (record?.kind !== "attached") return undefined;
  return record.leases.live.find((lease) => isTokenOf(lease, tokenHash));
}

/** The live lease of that id. */
export function leaseOf({ leases }: Session, id: LeaseId): Lease | undefined {
  return leases.live.find((lease) => lease.id === id);
}

/** Why a token is not live, as far as the session remembers. */
export function notLive(record: SessionRecord | undefined, tokenHash: TokenHash): Refusal {
  if (record === undefined) return { reason: "SESSION_UNKNOWN" };
  return { reason: "LEASE_NOT_LIVE", endedBy: endOf(record, tokenHash) };
}

/** How the lease of a token ended; `unknown` when it is not remembered. */
export function endOf({ leases }: SessionRecord, tokenHash: TokenHash): LeaseEnd | "unknown" {
  const ended = leases.ended.findLast((lease) => isTokenOf(lease, tokenHash));
  return ended?.endedBy ?? "unknown";
}

function isTokenOf({ tokenHashes }: Pick<Lease, "tokenHashes">, tokenHash: TokenHash): boolean {
  return tokenHashes.some((hash) => isSameText(hash, tokenHash));
}

/** Takes as long wherever the two differ: how long a refusal takes says nothing about a secret. */
export function isSameText(secret: string, offered: string): boolean {
  let difference = secret.length ^ offered.length;
  for (let index = 0; index < offered.length; index += 1) {
    difference |= secret.charCodeAt(index) ^ offered.charCodeAt(index);
  }
  return difference === 0;
}
