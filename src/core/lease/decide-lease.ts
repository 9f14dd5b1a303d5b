import type {
  Acquire,
  CheckLease,
  DecisionContext,
  LeaseAnswer,
  NegotiationAnswer,
  RefreshContext,
  Release,
  Renew,
} from "../command.ts";
import { attachSession } from "../decide-session.ts";
import type { Decision } from "../decision.ts";
import { accept, apply, type Draft, refuse, sessionOf } from "../draft.ts";
import type { LeaseEvent } from "../event.ts";
import { nextFence } from "../fence.ts";
import type { Policy } from "../policy.ts";
import { refusalToGrantAtBeach } from "../quota.ts";
import type { Refusal } from "../refusal.ts";
import type { Lease, LeaseBook } from "../session.ts";
import type { DurationMs, EpochMs } from "../time.ts";
import { leftAlone, refreshOrNegotiate } from "../transport/negotiation.ts";
import { endOf, isSameKey, leaseOf, liveLease, notLive } from "./lease-lookup.ts";

/**
 * Renews a lease: refreshes it in place while the fast path is usable, otherwise also starts a
 * handshake or joins the one in flight, leaving the current one honoured until it is confirmed.
 */
export function decideRenew(draft: Draft, command: Renew): Decision<Renew> {
  const lease = liveLease(draft.record, command.tokenHash);
  if (lease === undefined) return refuse(draft, notLive(draft.record, command.tokenHash));
  apply(draft, extension(lease, command, draft.context));
  return answerLease(draft, lease, command.leaseOnly ? "lease_only" : "renewed");
}

/** Takes a lease, or renews the caller's own: one live lease per (session, account, reason). */
export function decideAcquire(draft: Draft, command: Acquire): Decision<Acquire> {
  if (draft.record?.kind !== "attached") {
    if (command.attach === undefined) return refuse(draft, { reason: "SESSION_UNKNOWN" });
    const refusal = attachSession(draft, command.attach);
    if (refusal !== undefined) return refuse(draft, refusal);
  }
  const book = sessionOf(draft).leases;
  const own = book.live.find((lease) => isSameKey(lease, command));
  if (own !== undefined) {
    rekey(draft, own, command);
    apply(draft, extension(own, command, draft.context));
    return answerLease(draft, own, "acquired");
  }
  const refusal =
    refusalToGrant(book, command, draft.context) ??
    refusalToGrantAtBeach(draft, sessionOf(draft).beachId);
  if (refusal !== undefined) return refuse(draft, refusal);
  const lease = newLease(book, command, draft.context);
  apply(draft, { kind: "LeaseGranted", at: draft.context.now, lease });
  return answerLease(draft, lease, "acquired");
}

/** Gives a lease up; one that has ended, or is unknown, is no error. The transport stays. */
export function decideRelease(draft: Draft, command: Release): Decision<Release> {
  if (draft.record === undefined) return refuse(draft, { reason: "SESSION_UNKNOWN" });
  const lease = liveLease(draft.record, command.tokenHash);
  if (lease === undefined) {
    return accept(draft, { released: false, endedBy: endOf(draft.record, command.tokenHash) });
  }
  const { now: at } = draft.context;
  apply(draft, { kind: "LeaseEnded", at, leaseId: lease.id, endedBy: "released", cause: "" });
  return accept(draft, { released: true, endedBy: "released" });
}

/** Whether a token may send actions now. Checks never move an expiry. */
export function decideCheckLease(draft: Draft, command: CheckLease): Decision<CheckLease> {
  const lease = liveLease(draft.record, command.tokenHash);
  if (lease === undefined) return refuse(draft, notLive(draft.record, command.tokenHash));
  return accept(draft, { lease });
}

function answerLease(
  draft: Draft,
  before: Lease,
  asked: "lease_only" | "renewed" | "acquired",
): Decision<Renew> & Decision<Acquire> {
  const negotiation =
    asked === "lease_only" ? leftAlone : refreshOrNegotiate(draft, asked, before.id);
  const lease = leaseOf(sessionOf(draft), before.id) ?? before;
  return accept<Renew>(draft, leaseAnswer(lease, negotiation, draft.context));
}

/** What is answered about a lease that is held. */
export function leaseAnswer(
  lease: Lease,
  negotiation: NegotiationAnswer,
  { now, policy, entropy }: RefreshContext,
): LeaseAnswer {
  const share =
    policy.renewAfterMin + (policy.renewAfterMax - policy.renewAfterMin) * entropy.jitter();
  return { lease, renewAfterMs: Math.floor((lease.expiresAt - now) * share), negotiation };
}

export type LeaseExtended = Extract<LeaseEvent, { kind: "LeaseExtended" }>;

/** Moves the expiry, and only later. */
export function extension(
  lease: Lease,
  { ttlMs: askedMs = lease.ttlMs, renewsSlowly }: Pick<Renew, "ttlMs" | "renewsSlowly">,
  { now, policy }: RefreshContext,
): LeaseExtended {
  const ttlMs = clampTtl(askedMs, policy, renewsSlowly);
  const expiresAt: EpochMs = Math.max(lease.expiresAt, now + ttlMs);
  const plain = ttlMs <= lease.ttlMs;
  return { kind: "LeaseExtended", at: now, leaseId: lease.id, expiresAt, ttlMs, plain };
}

function clampTtl(askedMs: DurationMs, policy: Policy, renewsSlowly = false): DurationMs {
  const { leaseTtlMsMin, leaseTtlMsMax, slowLeaseTtlMsMin } = policy;
  const least = renewsSlowly ? Math.max(leaseTtlMsMin, slowLeaseTtlMsMin) : leaseTtlMsMin;
  return Math.min(Math.max(askedMs, least), leaseTtlMsMax);
}

/** The key that derived the token is lost. From now on the newly derived token is valid as well. */
function rekey(draft: Draft, lease: Lease, command: Acquire): void {
  const derived = command.tokenHashesOf(lease.id);
  if (derived.some((hash) => lease.tokenHashes.includes(hash))) return;
  const { now: at } = draft.context;
  apply(draft, { kind: "LeaseRekeyed", at, leaseId: lease.id, tokenHash: derived[0] });
}

function refusalToGrant(
  book: LeaseBook,
  command: Acquire,
  { now, policy }: DecisionContext,
): Refusal | undefined {
  const holds = book.holds.filter((hold) => hold.kind === "session" || isSameKey(hold, command));
  const heldUntil = Math.max(...holds.map(({ until }) => until));
  if (heldUntil > now) return { reason: "REVOKED", retryAfterMs: heldUntil - now };
  if (book.live.length < policy.liveLeasesMax) return undefined;
  const first = Math.min(...book.live.map((lease) => lease.expiresAt));
  return { reason: "TOO_MANY", what: "leases", retryAfterMs: first - now };
}

function newLease(book: LeaseBook, command: Acquire, { now, policy }: DecisionContext): Lease {
  const id = command.nextLeaseId;
  const ttlMs = clampTtl(command.ttlMs ?? policy.leaseTtlMs, policy, command.renewsSlowly);
  return {
    id,
    account: command.account,
    reason: command.reason,
    epoch: nextFence(book.epoch, now),
    tokenHashes: [command.tokenHashesOf(id)[0]],
    ttlMs,
    expiresAt: now + ttlMs,
  };
}
