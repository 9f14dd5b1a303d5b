import type { Policy } from "../policy.ts";
import type { Evidence, Health, HealthReason, PromotedHandshake, Transport } from "../session.ts";
import { type DurationMs, type EpochMs, latest } from "../time.ts";
import { agesFrom, hasNoConnection, isReady, noConnectionFrom, silentSince } from "./evidence.ts";

/** A verdict on the promoted transport. */
export interface Verdict {
  readonly health: Health;
  readonly reason: HealthReason;
}

/** What decides health besides the ends' reports about one handshake. */
export type Horizons = Pick<Transport, "hostReports" | "hostReportedAt">;

const optionalChannels = ["mgr-acks", "mgr-state"] as const;

/** The host end has a say: the attach said so, or it reported recently. */
export function hostHasSay(transport: Horizons, at: EpochMs, policy: Policy): boolean {
  if (transport.hostReports) return true;
  const reportedAt = transport.hostReportedAt;
  return reportedAt !== undefined && at - reportedAt < policy.hostSayMs;
}

/** What the evidence says at `at`, by the first row that holds; hysteresis comes after. */
export function assess(
  transport: Horizons,
  current: PromotedHandshake,
  at: EpochMs,
  policy: Policy,
): Verdict {
  const { manager, host } = current;
  const managerSilentMs = at - silentSince(current.manager, current);
  const hostSilentMs = at - silentSince(current.host, current);
  const silentMs = Math.min(managerSilentMs, hostSilentMs);
  const unackedMs = Math.max(manager?.oldestUnackedMs ?? 0, host?.oldestUnackedMs ?? 0);

  const dead = deathOf(current, at, policy);
  if (dead !== undefined) return { health: "lost", reason: dead };
  if (acksStalled(unackedMs, hostSilentMs, hostHasSay(transport, at, policy), policy)) {
    return { health: "lost", reason: "acks_stalled" };
  }
  if (silentMs >= policy.evidenceLostMs) return { health: "lost", reason: "silent" };
  if (silentMs >= policy.evidenceStaleMs) return { health: "stale", reason: "silent" };
  const ready = (end: Evidence | undefined): boolean => isReady(end, current.channels, at, policy);
  const hostExpected = current.host !== undefined || transport.hostReports;
  if (hostSilentMs >= policy.evidenceStaleMs && hostExpected && ready(current.manager)) {
    return { health: "stale", reason: "host_silent" };
  }
  if (managerSilentMs >= policy.evidenceStaleMs && ready(current.host)) {
    return { health: "stale", reason: "manager_silent" };
  }
  if (isBetween(manager) || isBetween(host)) {
    return { health: "degraded", reason: "ice_disconnected" };
  }
  if (missesChannel(manager, current.channels) || missesChannel(host, current.channels)) {
    return { health: "degraded", reason: "channel_missing" };
  }
  if (unackedMs > policy.acksSlowMs) return { health: "degraded", reason: "acks_slow" };
  return { health: "healthy", reason: "recovered" };
}

/** The verdict after a report was received; undefined when the one on record stands. */
export function verdictAfterReport(
  transport: Horizons,
  current: PromotedHandshake,
  at: EpochMs,
  policy: Policy,
): Verdict | undefined {
  const next = assess(transport, current, at, policy);
  if (severity(current.health, current.healthReason) === severityDead) return undefined;
  if (severity(next.health, next.reason) < severity(current.health, current.healthReason)) {
    const recovers = current.health === "stale" || hasRecovered(current, next, policy);
    return recovers ? next : undefined;
  }
  const same = next.health === current.health && next.reason === current.healthReason;
  return same || next.health === "healthy" ? undefined : next;
}

/** The verdict that time alone brings: it only gets worse while nobody reports. */
export function verdictOfTime(
  transport: Horizons,
  current: PromotedHandshake,
  at: EpochMs,
  policy: Policy,
): Verdict | undefined {
  const next = assess(transport, current, at, policy);
  const worse = severity(next.health, next.reason) > severity(current.health, current.healthReason);
  return worse ? next : undefined;
}

/**
 * The moment at which time alone next changes the verdict if no report comes first. Never before
 * the promotion or `reportedAt`, when the newest report came: a verdict is never backdated.
 */
export function nextVerdictAt(
  transport: Horizons,
  current: PromotedHandshake,
  reportedAt: EpochMs,
  policy: Policy,
): EpochMs | undefined {
  if (severity(current.health, current.healthReason) === severityDead) return undefined;
  const manager = silentSince(current.manager, current);
  const host = silentSince(current.host, current);
  const moments = [
    manager + policy.evidenceStaleMs,
    host + policy.evidenceStaleMs,
    host + policy.acksHostSilentMs,
    Math.max(manager, host) + policy.evidenceLostMs,
    noConnectionFrom(current.manager, policy),
    noConnectionFrom(current.host, policy),
  ];
  let next: EpochMs | undefined;
  for (const moment of moments) {
    if (moment === undefined) continue;
    const at = Math.max(moment, reportedAt, current.promotedAt);
    if (next !== undefined && at >= next) continue;
    if (verdictOfTime(transport, current, at, policy) !== undefined) next = at;
  }
  return next;
}

/**
 * Whether the evidence is good at `at`, which counts towards leaving `lost` or `degraded`: out of
 * lost, a missing acks or state channel is no obstacle, since it may never have been there.
 */
export function isGood(
  transport: Horizons,
  current: PromotedHandshake,
  at: EpochMs,
  policy: Policy,
): boolean {
  const { health, reason } = assess(transport, current, at, policy);
  return health === "healthy" || (current.health === "lost" && reason === "channel_missing");
}

const severityDead = 5;

/** Orders verdicts from healthy to dead for good. */
function severity(health: Health, reason: HealthReason): number {
  switch (health) {
    case "healthy":
      return 0;
    case "degraded":
      return 1;
    case "stale":
      return reason === "silent" ? 3 : 2;
    case "lost":
      return reason === "silent" || reason === "acks_stalled" ? 4 : severityDead;
  }
}

/** Evidence of a death from which there is no way back in this generation. */
function deathOf(
  current: PromotedHandshake,
  at: EpochMs,
  policy: Policy,
): HealthReason | undefined {
  for (const end of [current.manager, current.host]) {
    if (end === undefined) continue;
    if (hasNoConnection(end, at, policy)) return "end_restarted";
    // A channel that was never ready carried no action, so its closing is no death.
    if (end.readyTransportId === undefined) continue;
    if (end.connection === "failed" || end.connection === "closed") return "connection_closed";
    if (hasClosed(end, current.channels)) return "channel_closed";
  }
  return undefined;
}

/** A report is whole: a channel that was ready and is not listed any more is not there. */
function hasClosed(end: Evidence, channels: readonly string[]): boolean {
  return channels.some(
    (channel) => !end.readyChannels.includes(channel) && !end.openingChannels.includes(channel),
  );
}

function isBetween(end: Evidence | undefined): boolean {
  return end?.connection === "disconnected" || end?.connection === "connecting";
}

function missesChannel(end: Evidence | undefined, required: readonly string[]): boolean {
  if (end === undefined) return false;
  const isMissing = (channel: string): boolean => !end.readyChannels.includes(channel);
  return required.some(isMissing) || optionalChannels.some(isMissing);
}

function acksStalled(
  unackedMs: DurationMs,
  hostSilentMs: DurationMs,
  hostSay: boolean,
  policy: Policy,
): boolean {
  if (unackedMs > policy.acksStalledMs) return true;
  return unackedMs > policy.acksSlowMs && hostSay && hostSilentMs >= policy.acksHostSilentMs;
}

/** Debounce: only a stretch of good evidence leads out of lost and degraded. */
function hasRecovered(current: PromotedHandshake, next: Verdict, policy: Policy): boolean {
  if (current.goodSince === undefined || next.health === "stale") return false;
  return (newestOf(current) ?? 0) - current.goodSince >= policy.recoveryMs;
}

/** The moment that the newest report about the promoted handshake ages from. */
export function newestOf({ manager, host }: PromotedHandshake): EpochMs | undefined {
  return latest(manager && agesFrom(manager), host && agesFrom(host));
}
