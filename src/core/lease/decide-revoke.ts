import type { Revoke } from "../command.ts";
import type { Decision } from "../decision.ts";
import { accept, apply, type Draft, refuse } from "../draft.ts";
import type { Policy } from "../policy.ts";
import type { Hold, Lease, LeaseBook, LeaseKey } from "../session.ts";
import type { EpochMs } from "../time.ts";
import { isSameKey } from "./lease-lookup.ts";

/**
 * The emergency stop: ends leases at once and blocks new ones for a while. No limit refuses it. The
 * transport stays.
 */
export function decideRevoke(draft: Draft, command: Revoke): Decision<Revoke> {
  if (draft.record?.kind !== "attached") return refuse(draft, { reason: "SESSION_UNKNOWN" });
  const { now, policy } = draft.context;
  const book = draft.record.leases;
  const holdMs = Math.min(command.holdMs ?? policy.holdMs, policy.holdMsMax);
  const hold = holdMs > 0 ? holdOf(book, command, { now, until: now + holdMs, policy }) : undefined;
  const struck = hold === undefined ? named(book, command) : under(book, command, hold.keys);
  for (const { id: leaseId } of struck) {
    const cause = command.reason;
    apply(draft, { kind: "LeaseEnded", at: now, leaseId, endedBy: "revoked", cause });
  }
  if (hold === undefined && book.holds.length > 0) apply(draft, { kind: "HoldsLifted", at: now });
  for (const placed of hold?.placed ?? []) {
    apply(draft, { kind: "HoldPlaced", at: now, hold: placed });
  }
  return accept(draft, {
    revoked: struck.length,
    unknown: unknownOf(book, command),
    sessionHeld: hold?.placed.some(({ kind }) => kind === "session") ?? false,
  });
}

interface Stop {
  readonly placed: readonly Hold[];
  /** Of the leases that were named, live or ended. */
  readonly keys: readonly LeaseKey[];
}

/**
 * Holds every named lease, live or just ended: the caller listed them a moment ago.
 *
 * When there is no room for more holds on single leases, one hold on the whole session replaces
 * them. Stopping more than was asked is better than dropping a hold.
 */
function holdOf(
  book: LeaseBook,
  command: Revoke,
  { now, until, policy }: { now: EpochMs; until: EpochMs; policy: Policy },
): Stop {
  if (command.leaseIds.length === 0) return { placed: [{ kind: "session", until }], keys: [] };
  const { keys, isKeyMissing } = keysNamed(book, command);
  const standing = book.holds.filter((hold) => hold.until > now);
  const others = standing.filter(
    (hold) => hold.kind === "lease" && !keys.some((key) => isSameKey(key, hold)),
  );
  if (!isKeyMissing && others.length + keys.length <= policy.holdsMax) {
    return { placed: keys.map((key) => ({ kind: "lease", until, ...key })), keys };
  }
  const session = standing.find(({ kind }) => kind === "session");
  return {
    placed: [{ kind: "session", until: Math.max(until, session?.until ?? until) }],
    keys,
  };
}

function keysNamed(
  { live, ended }: LeaseBook,
  { leaseIds }: Revoke,
): { readonly keys: readonly LeaseKey[]; readonly isKeyMissing: boolean } {
  const ids = new Set(leaseIds);
  const all = [
    ...live.filter(({ id }) => ids.has(id)).map(keyOf),
    ...ended.filter(({ id }) => ids.has(id)).map(({ key }) => key),
  ];
  const known = all.filter((key) => key !== undefined);
  const keys = known.filter((key, at) => known.findIndex((one) => isSameKey(one, key)) === at);
  return { keys, isKeyMissing: known.length < all.length };
}

function keyOf({ account, reason }: Lease): LeaseKey {
  return { account, reason };
}

/** Without a hold, only the named leases that are still live. */
function named({ live }: LeaseBook, { leaseIds }: Revoke): readonly Lease[] {
  return leaseIds.length === 0 ? live : live.filter(({ id }) => leaseIds.includes(id));
}

/** With a hold, also the lease that has replaced a named one. */
function under(
  { live }: LeaseBook,
  { leaseIds }: Revoke,
  keys: readonly LeaseKey[],
): readonly Lease[] {
  if (leaseIds.length === 0) return live;
  return live.filter((lease) => keys.some((key) => isSameKey(key, lease)));
}

function unknownOf({ live, ended }: LeaseBook, { leaseIds }: Revoke): number {
  const known = new Set([...live, ...ended].map(({ id }) => id));
  return new Set(leaseIds.filter((id) => !known.has(id))).size;
}
