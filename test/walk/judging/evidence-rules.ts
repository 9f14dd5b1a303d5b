import type { Policy } from "../../../src/core/policy.ts";
import type { Evidence, PromotedHandshake, Transport } from "../../../src/core/session.ts";

/** The moment and the horizons by which a word counts. */
export interface Moment {
  readonly at: number;
  readonly transport: Pick<Transport, "hostReports" | "hostReportedAt">;
  readonly policy: Policy;
}

/** From when something counts as old: what nobody could hear makes nothing older. */
export function agesFrom(from: Pick<Evidence, "observedAt" | "gapMs"> | PromotedHandshake): number {
  return ("promotedAt" in from ? from.promotedAt : from.observedAt) + from.gapMs;
}

/** The end says that it holds no connection, and no other process of its said otherwise lately. */
function hasNoConnection(end: Evidence, { at, policy }: Moment): boolean {
  const claim = end.noConnection;
  if (claim === undefined) return false;
  return end.readyReports.every(
    (ready) => ready.reporterId === claim.reporterId || at - ready.at >= policy.noConnectionMs,
  );
}

/** The connection is up, with every one of `channels` ready. */
export function saysReady(end: Evidence, channels: readonly string[]): boolean {
  const isUp = end.connection === "connected" || end.connection === "unspecified";
  return isUp && channels.every((channel) => end.readyChannels.includes(channel));
}

/** The end's fresh last word is that every one of `channels` is ready. */
export function isReady(
  end: Evidence | undefined,
  channels: readonly string[],
  moment: Moment,
): boolean {
  return (
    end !== undefined &&
    saysReady(end, channels) &&
    moment.at - agesFrom(end) < moment.policy.evidenceStaleMs &&
    !hasNoConnection(end, moment)
  );
}

/** A confirmation needs the host's word. */
export function hostHasSay({ at, transport, policy }: Moment): boolean {
  const { hostReports, hostReportedAt } = transport;
  if (hostReports) return true;
  return hostReportedAt !== undefined && at - hostReportedAt < policy.hostSayMs;
}

/** What was up at this end is down: a death without a way back. */
export function saysDead(end: Evidence, channels: readonly string[], moment: Moment): boolean {
  if (hasNoConnection(end, moment)) return true;
  if (end.readyTransportId === undefined) return false;
  if (end.connection === "failed" || end.connection === "closed") return true;
  return channels.some(
    (channel) => !end.readyChannels.includes(channel) && !end.openingChannels.includes(channel),
  );
}
