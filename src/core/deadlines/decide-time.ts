import type { RefreshContext } from "../command.ts";
import { apply, type Draft, sessionOf } from "../draft.ts";
import type { Gap, Handshake, Session, SessionRecord } from "../session.ts";
import type { EpochMs } from "../time.ts";
import { backOff } from "../transport/backoff.ts";
import { tryDelivery } from "../transport/decide-delivery.ts";
import { type Verdict, type verdictAfterReport, verdictOfTime } from "../transport/health.ts";
import { abandonmentReason, considerPromotion } from "../transport/promotion.ts";
import { currentOf, nextOf, usableOf } from "../view.ts";
import { idleAt, nextDeadline, recoveriesForgivenAt, replacementsForgivenAt } from "./deadline.ts";

/**
 * Takes up a new incarnation and the gaps since, then applies every deadline due, in order of time.
 */
export function passTime(draft: Draft): void {
  takeIncarnation(draft);
  for (const gap of gapsToTake(draft.record, draft.context)) {
    if (draft.record?.kind !== "attached") break;
    applyDue(draft, gap.from);
    if (draft.record?.kind === "attached") takeGap(draft, gap);
  }
  applyDue(draft, draft.context.now);
}

/** Whether {@link passTime} leaves a record as it is whose next deadline is `deadline`. */
export function isUpToDate(
  record: SessionRecord,
  deadline: EpochMs | undefined,
  context: RefreshContext,
): boolean {
  if (isOfEarlier(record, context) || isDue(deadline, context.now)) return false;
  return gapsToTake(record, context).length === 0;
}

function isDue(deadline: EpochMs | undefined, now: EpochMs): deadline is EpochMs {
  return deadline !== undefined && deadline <= now;
}

/** First, since every later event counts from the lifted counters. */
function takeIncarnation(draft: Draft): void {
  const { now: at, incarnation, policy } = draft.context;
  if (!isOfEarlier(draft.record, draft.context)) return;
  apply(draft, { kind: "IncarnationChanged", at, incarnation, splitUntil: at + policy.splitMs });
}

/** The record is of an earlier incarnation. */
function isOfEarlier(record: SessionRecord | undefined, { incarnation }: RefreshContext): boolean {
  return record !== undefined && record.incarnation < incarnation;
}

/** Searched from the end: thousands may have been taken up long ago. */
function gapsToTake(record: SessionRecord | undefined, { gaps }: RefreshContext): readonly Gap[] {
  if (record?.kind !== "attached") return [];
  const { gapsTaken } = record;
  return gaps.slice(gaps.findLastIndex((gap) => gap.number <= gapsTaken) + 1);
}

function applyDue(draft: Draft, now: EpochMs): void {
  while (draft.record !== undefined) {
    const at = nextDeadline(draft.record, draft.context.policy);
    if (!isDue(at, now)) return;
    const before = draft.events.length;
    applyDeadline(draft, at);
    if (draft.events.length === before) throw new Error(`nothing happened at the deadline ${at}`);
  }
}

function applyDeadline(draft: Draft, at: EpochMs): void {
  if (draft.record?.kind === "detached") {
    apply(draft, { kind: "TombstoneExpired", at });
    return;
  }
  expireLeases(draft, at);
  judge(draft, at, verdictOfTime);
  const { lingering, abandoned, path } = sessionOf(draft).transport;
  if (lingering && lingering.honouredUntil <= at) {
    const handshakeId = lingering.id;
    apply(draft, { kind: "HandshakeRetired", at, handshakeId, reason: "linger_over" });
  }
  for (const { id: handshakeId, honouredUntil } of abandoned) {
    if (honouredUntil > at) continue;
    apply(draft, { kind: "HandshakeRetired", at, handshakeId, reason: "abandonment_over" });
  }
  const next = nextOf(path);
  if (next && next.confirmBy <= at) endNegotiation(draft, next, at);
  tryDelivery(draft, at);
  forgive(draft, at);
  goIdle(draft, at);
}

function expireLeases(draft: Draft, at: EpochMs): void {
  for (const lease of sessionOf(draft).leases.live) {
    if (lease.expiresAt > at) continue;
    apply(draft, { kind: "LeaseEnded", at, leaseId: lease.id, endedBy: "expired", cause: "" });
  }
}

/** At its deadline a handshake is promoted if it can be, and else abandoned; it may still win. */
function endNegotiation(draft: Draft, next: Handshake, at: EpochMs): void {
  considerPromotion(draft, at);
  if (nextOf(sessionOf(draft).transport.path)?.id !== next.id) return;
  const { policy } = draft.context;
  const which =
    usableOf(sessionOf(draft).transport.path) === undefined ? "recoveries" : "replacements";
  apply(draft, {
    kind: "HandshakeAbandoned",
    at,
    handshakeId: next.id,
    reason: abandonmentReason(draft, next, at),
    honouredUntil: at + policy.abandonedMs,
  });
  const { abandoned } = sessionOf(draft).transport;
  for (const { id: handshakeId } of abandoned.slice(0, -policy.abandonedMax)) {
    apply(draft, { kind: "HandshakeRetired", at, handshakeId, reason: "crowded_out" });
  }
  delay(draft, which, at);
}

/** Judges the promoted transport anew, and remembers one that died before it was proven. */
export function judge(
  draft: Draft,
  at: EpochMs,
  by: typeof verdictOfTime | typeof verdictAfterReport,
): void {
  const { transport } = sessionOf(draft);
  const current = currentOf(transport.path);
  if (current === undefined) return;
  const { policy } = draft.context;
  const verdict: Verdict | undefined = by(transport, current, at, policy);
  if (verdict === undefined) return;
  const { health: to, reason } = verdict;
  apply(draft, {
    kind: "HealthChanged",
    at,
    handshakeId: current.id,
    from: current.health,
    to,
    reason,
  });
  if (current.health === "lost" || to !== "lost") return;
  if (at - current.promotedAt < policy.provenMs) {
    apply(draft, { kind: "DiedEarly", at });
    // The first death is recovered from at once, however young the transport.
    if (transport.earlyDeaths > 0) delay(draft, "recoveries", at);
  }
  considerPromotion(draft, at);
}

function delay(draft: Draft, which: "recoveries" | "replacements", at: EpochMs): void {
  const { policy, entropy } = draft.context;
  const backoff = backOff(sessionOf(draft).transport[which], at, entropy.jitter(), policy);
  apply(draft, { kind: "NegotiationDelayed", at, which, backoff });
}

function forgive(draft: Draft, at: EpochMs): void {
  const { policy } = draft.context;
  const recoveries = recoveriesForgivenAt(sessionOf(draft), policy);
  const replacements = replacementsForgivenAt(sessionOf(draft), policy);
  if (recoveries !== undefined && recoveries <= at) {
    apply(draft, { kind: "BackoffReset", at, which: "recoveries" });
  }
  if (replacements !== undefined && replacements <= at) {
    apply(draft, { kind: "BackoffReset", at, which: "replacements" });
  }
}

function goIdle(draft: Draft, at: EpochMs): void {
  const idle = idleAt(sessionOf(draft), draft.context.policy);
  if (idle === undefined || idle > at) return;
  if (draft.context.watched) apply(draft, { kind: "SessionTouched", at });
  else detach(draft, at, "idle");
}

/** A watched session is in use. It goes idle a while after its last watcher has left. */
export function noteWatched(draft: Draft): void {
  const { watched, now, policy } = draft.context;
  if (!watched || draft.record?.kind !== "attached" || draft.record.activeAt >= now) return;
  if (idleAt(draft.record, policy) !== undefined) apply(draft, { kind: "SessionTouched", at: now });
}

/** Ends leases, negotiation and transport. */
export function detach(draft: Draft, at: EpochMs, reason: string): void {
  for (const lease of sessionOf(draft).leases.live) {
    apply(draft, { kind: "LeaseEnded", at, leaseId: lease.id, endedBy: "detached", cause: reason });
  }
  apply(draft, { kind: "SessionDetached", at, reason });
}

/** How far expiries are spread after an absence, as a share of the ttl. */
const expirySpread = 0.1;

/**
 * No lease that was live when the gap began ends by the gap. Expiries are spread, so that renewals
 * do not arrive together. (etcd extends every lease on a new leader in the same way.)
 */
function takeGap(draft: Draft, gap: Gap): void {
  const session: Session = sessionOf(draft);
  const expiries = session.leases.live
    .filter((lease) => lease.expiresAt > gap.from)
    .map((lease) => {
      const shifted = lease.expiresAt + gap.until - gap.from;
      if (gap.kind === "stall") return { leaseId: lease.id, expiresAt: shifted };
      const spread = 1 + expirySpread * draft.context.entropy.jitter();
      const granted = gap.until + Math.ceil(lease.ttlMs * spread);
      return { leaseId: lease.id, expiresAt: Math.max(shifted, granted) };
    });
  const { number, from, until } = gap;
  apply(draft, { kind: "GapTaken", at: until, number, from, until, expiries });
}
