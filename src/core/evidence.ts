import type { Report } from "./command.ts";
import type { Policy } from "./policy.ts";
import type { Evidence, ReadyReport, Transport } from "./session.ts";
import type { EpochMs } from "./time.ts";

const readyReportsMax = 4;

/** What makes evidence fresh or silent: the horizon before which nobody could be heard. */
type Horizon = Pick<Transport, "observingSince">;

/** The moment from which an observation ages. */
function agesFrom(observedAt: EpochMs, horizon: Horizon): EpochMs {
  return Math.max(observedAt, horizon.observingSince);
}

/** Since when an end has been silent about a handshake; `known` is when it could first speak. */
export function silentSince(
  evidence: Evidence | undefined,
  known: EpochMs,
  horizon: Horizon,
): EpochMs {
  return agesFrom(evidence?.observedAt ?? known, horizon);
}

/** From when a claim to hold no connection counts: once no other reporter says ready any more. */
export function holdsNoneFrom(
  evidence: Evidence | undefined,
  horizon: Horizon,
  policy: Policy,
): EpochMs | undefined {
  const claim = evidence?.holdsNone;
  if (evidence === undefined || claim === undefined) return undefined;
  return evidence.readyReports
    .filter((ready) => ready.reporterId !== claim.reporterId)
    .reduce(
      (from, ready) => Math.max(from, agesFrom(ready.at, horizon) + policy.holdsNoneMs),
      claim.at,
    );
}

/** The claim to hold none counts at `at`. */
export function holdsNone(
  evidence: Evidence | undefined,
  at: EpochMs,
  horizon: Horizon,
  policy: Policy,
): boolean {
  const from = holdsNoneFrom(evidence, horizon, policy);
  return from !== undefined && from <= at;
}

/** The connection is up and every one of `channels` has passed its readiness sentinel. */
export function saysReady(
  said: Pick<Evidence, "connection" | "readyChannels">,
  channels: readonly string[],
): boolean {
  const up = said.connection === "connected" || said.connection === "unspecified";
  return up && channels.every((channel) => said.readyChannels.includes(channel));
}

/** The end's last word is that the handshake is ready, and that word is fresh. */
export function isReady(
  evidence: Evidence | undefined,
  channels: readonly string[],
  at: EpochMs,
  { horizon, policy }: { readonly horizon: Horizon; readonly policy: Policy },
): boolean {
  if (evidence === undefined || !saysReady(evidence, channels)) return false;
  const fresh = at - agesFrom(evidence.observedAt, horizon) < policy.evidenceStaleMs;
  return fresh && !holdsNone(evidence, at, horizon, policy);
}

/**
 * What an end's report makes of its evidence about a handshake that needs `channels`; undefined
 * when the report says nothing that counts: it speaks of a connection other than the one that was
 * ready, or another process observed later.
 */
export function hear(
  previous: Evidence | undefined,
  report: Report,
  channels: readonly string[],
  at: EpochMs,
): Evidence | undefined {
  const observedAt = at - report.observedAgeMs;
  const by: ReadyReport = { reporterId: report.reporterId, at: observedAt };
  if (report.connection === "closed" && report.transportId === "") {
    return previous === undefined
      ? { ...wordOf(report, observedAt), holdsNone: by }
      : { ...previous, holdsNone: by };
  }
  const ready = saysReady(report, channels);
  if (!ready && isOfOtherConnection(previous, report)) return undefined;
  const readyReports = ready ? noteReady(previous, by) : (previous?.readyReports ?? []);
  const claim = previous?.holdsNone;
  const holdsNone = claim?.reporterId === report.reporterId ? undefined : claim;
  if (previous !== undefined && isOvertaken(previous, report, observedAt)) {
    return ready ? { ...previous, readyReports, holdsNone } : undefined;
  }
  const word = wordOf(report, Math.max(observedAt, previous?.observedAt ?? observedAt));
  const readyTransportId = ready ? report.transportId : previous?.readyTransportId;
  return { ...word, readyTransportId, readyReports, holdsNone };
}

/** Whether two words of one end differ in more than their age. */
export function differs(a: Evidence | undefined, b: Evidence): boolean {
  return (
    a === undefined ||
    a.transportId !== b.transportId ||
    a.connection !== b.connection ||
    !sameList(a.readyChannels, b.readyChannels)
  );
}

function wordOf(report: Report, observedAt: EpochMs): Evidence {
  return {
    reporterId: report.reporterId,
    transportId: report.transportId,
    readyTransportId: undefined,
    connection: report.connection,
    readyChannels: report.readyChannels,
    openingChannels: report.openingChannels,
    oldestUnackedMs: report.oldestUnackedMs,
    observedAt,
    generation: report.generation,
    readyReports: [],
    holdsNone: undefined,
  };
}

/** An older, or a newer and not yet ready, connection of the same handshake says nothing. */
function isOfOtherConnection(previous: Evidence | undefined, report: Report): boolean {
  const ready = previous?.readyTransportId;
  return ready !== undefined && ready !== report.transportId;
}

/** Another process of the same end observed later; one reporter's order is its sequence. */
function isOvertaken(previous: Evidence, report: Report, observedAt: EpochMs): boolean {
  return previous.reporterId !== report.reporterId && previous.observedAt > observedAt;
}

/** A word that was observed before the same reporter's last one makes that no older. */
function noteReady(previous: Evidence | undefined, by: ReadyReport): readonly ReadyReport[] {
  const known = previous?.readyReports ?? [];
  const isOwn = (ready: ReadyReport): boolean => ready.reporterId === by.reporterId;
  const at = Math.max(known.find(isOwn)?.at ?? by.at, by.at);
  return [...known.filter((ready) => !isOwn(ready)), { ...by, at }].slice(-readyReportsMax);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}
