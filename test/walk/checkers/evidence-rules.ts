import type { Policy } from "../../../src/core/policy.ts";
import type { Evidence, Transport } from "../../../src/core/session.ts";

/** The moment and the horizons by which a word counts. */
export interface Moment {
  readonly at: number;
  readonly transport: Pick<Transport, "observingSince" | "hostReports" | "hostHeardAt">;
  readonly policy: Policy;
}

/** How long the end has said nothing that counts as observed. */
export function silentMs(end: Evidence | undefined, known: number, moment: Moment): number {
  return moment.at - Math.max(end?.observedAt ?? known, moment.transport.observingSince);
}

/** The end says that it holds no connection, and no other process of its said otherwise lately. */
function holdsNone(end: Evidence, { at, transport, policy }: Moment): boolean {
  const claim = end.holdsNone;
  if (claim === undefined) return false;
  return end.readyReports.every(
    (ready) =>
      ready.reporterId === claim.reporterId ||
      at - Math.max(ready.at, transport.observingSince) >= policy.holdsNoneMs,
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
    silentMs(end, end.observedAt, moment) < moment.policy.evidenceStaleMs &&
    !holdsNone(end, moment)
  );
}

/** A confirmation needs the host's word. */
export function hostHasSay({ at, transport, policy }: Moment): boolean {
  const { hostReports, hostHeardAt, observingSince } = transport;
  if (hostReports) return true;
  if (hostHeardAt === undefined) return false;
  return at - Math.max(hostHeardAt, observingSince) < policy.hostSayMs;
}

/** What was up at this end is down: a death without a way back. */
export function saysDead(end: Evidence, channels: readonly string[], moment: Moment): boolean {
  if (holdsNone(end, moment)) return true;
  if (end.readyTransportId === undefined) return false;
  if (end.connection === "failed" || end.connection === "closed") return true;
  return channels.some(
    (channel) => !end.readyChannels.includes(channel) && !end.openingChannels.includes(channel),
  );
}
