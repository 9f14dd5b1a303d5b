import type { Report } from "../command.ts";
import { afterGap, type Stretch } from "../deadlines/gap.ts";
import type { Policy } from "../policy.ts";
import type { Evidence, PromotedHandshake, ReadyReport } from "../session.ts";
import type { EpochMs } from "../time.ts";

const readyReportsMax = 4;

/** The moment that evidence ages from, with gaps left out. */
export function agesFrom({ observedAt, gapMs }: Evidence): EpochMs {
  return observedAt + gapMs;
}

/** Since when an end has been silent about the promoted handshake. */
export function silentSince(end: Evidence | undefined, current: PromotedHandshake): EpochMs {
  return end === undefined ? current.promotedAt + current.gapMs : agesFrom(end);
}

/** The evidence after a gap: no older than before, and no fresher. */
export function throughGap(evidence: Evidence, gap: Stretch): Evidence {
  const through = (ready: ReadyReport): ReadyReport => ({ ...ready, at: afterGap(ready.at, gap) });
  return {
    ...evidence,
    gapMs: afterGap(agesFrom(evidence), gap) - evidence.observedAt,
    readyReports: evidence.readyReports.map(through),
    noConnection: evidence.noConnection && through(evidence.noConnection),
  };
}

/** From when a claim to have no connection counts: no other reporter reports ready any more. */
export function noConnectionFrom(
  evidence: Evidence | undefined,
  policy: Policy,
): EpochMs | undefined {
  const claim = evidence?.noConnection;
  if (evidence === undefined || claim === undefined) return undefined;
  return evidence.readyReports
    .filter((ready) => ready.reporterId !== claim.reporterId)
    .reduce((from, ready) => Math.max(from, ready.at + policy.noConnectionMs), claim.at);
}

/** The claim to have no connection counts at `at`. */
export function hasNoConnection(
  evidence: Evidence | undefined,
  at: EpochMs,
  policy: Policy,
): boolean {
  const from = noConnectionFrom(evidence, policy);
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

/** The end's last report says that the handshake is ready, and is fresh. */
export function isReady(
  evidence: Evidence | undefined,
  channels: readonly string[],
  at: EpochMs,
  policy: Policy,
): boolean {
  if (evidence === undefined || !saysReady(evidence, channels)) return false;
  const fresh = at - agesFrom(evidence) < policy.evidenceStaleMs;
  return fresh && !hasNoConnection(evidence, at, policy);
}

/** When a report was observed, and the moment that it ages from. */
export interface Observed {
  readonly at: EpochMs;
  readonly agesFrom: EpochMs;
}

/**
 * The end's evidence after its report about a handshake that needs `channels`. Undefined when the
 * report does not count: it is about another connection than the one that was ready, or another
 * process observed later.
 */
export function receive(
  previous: Evidence | undefined,
  report: Report,
  channels: readonly string[],
  observed: Observed,
): Evidence | undefined {
  const by: ReadyReport = { reporterId: report.reporterId, at: observed.agesFrom };
  if (report.connection === "closed" && report.transportId === "") {
    return previous === undefined
      ? { ...wordOf(report, observed), noConnection: by }
      : { ...previous, noConnection: by };
  }
  const ready = saysReady(report, channels);
  if (!ready && isOfOtherConnection(previous, report)) return undefined;
  const readyReports = ready ? noteReady(previous, by) : (previous?.readyReports ?? []);
  const claim = previous?.noConnection;
  const noConnection = claim?.reporterId === report.reporterId ? undefined : claim;
  if (previous !== undefined && isOvertaken(previous, report, observed.at)) {
    return ready ? { ...previous, readyReports, noConnection } : undefined;
  }
  const word = wordOf(report, noOlder(observed, previous));
  const readyTransportId = ready ? report.transportId : previous?.readyTransportId;
  return { ...word, readyTransportId, readyReports, noConnection };
}

/** Whether two reports of one end differ in more than their age. */
export function differs(a: Evidence | undefined, b: Evidence): boolean {
  return (
    a === undefined ||
    a.transportId !== b.transportId ||
    a.connection !== b.connection ||
    !sameList(a.readyChannels, b.readyChannels)
  );
}

/** A later report never makes an end's evidence older. */
function noOlder(observed: Observed, previous: Evidence | undefined): Observed {
  if (previous === undefined) return observed;
  return {
    at: Math.max(observed.at, previous.observedAt),
    agesFrom: Math.max(observed.agesFrom, agesFrom(previous)),
  };
}

function wordOf(report: Report, observed: Observed): Evidence {
  return {
    reporterId: report.reporterId,
    transportId: report.transportId,
    readyTransportId: undefined,
    connection: report.connection,
    readyChannels: report.readyChannels,
    openingChannels: report.openingChannels,
    oldestUnackedMs: report.oldestUnackedMs,
    observedAt: observed.at,
    gapMs: observed.agesFrom - observed.at,
    generation: report.generation,
    readyReports: [],
    noConnection: undefined,
  };
}

/** An older, or a newer and not yet ready, connection of the same handshake says nothing. */
function isOfOtherConnection(previous: Evidence | undefined, report: Report): boolean {
  const ready = previous?.readyTransportId;
  return ready !== undefined && ready !== report.transportId;
}

/**
 * Another process of the same end observed later. Reports of one reporter are ordered by sequence.
 */
function isOvertaken(previous: Evidence, report: Report, observedAt: EpochMs): boolean {
  return previous.reporterId !== report.reporterId && previous.observedAt > observedAt;
}

/** A report observed before the same reporter's last one does not make that one older. */
function noteReady(previous: Evidence | undefined, by: ReadyReport): readonly ReadyReport[] {
  const known = previous?.readyReports ?? [];
  const isOwn = (ready: ReadyReport): boolean => ready.reporterId === by.reporterId;
  const at = Math.max(known.find(isOwn)?.at ?? by.at, by.at);
  return [...known.filter((ready) => !isOwn(ready)), { ...by, at }].slice(-readyReportsMax);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}
