import type { SessionSummary } from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  TransportChange,
  type TransportState,
} from "../../gen/beach/controller/v1/transport_pb.js";
import { type LeaseView, type ListedAt, seeLeases } from "./leases.ts";
import {
  emptyTimeline,
  endTimeline,
  followState,
  type Heard,
  type Timeline,
  withMarks,
} from "./timeline.ts";

/** One line of what happened to a session, in the service's words. */
export interface Happening {
  readonly atMs: number;
  readonly change: TransportChange;
  readonly reason: string;
  /** What it is about; empty where it is about none. */
  readonly handshakeId: string;
}

/** Everything that the page knows of one session. */
export interface SessionRecord {
  readonly sessionId: string;
  readonly transport: TransportState;
  /** Why the path and its health are what they are, in the service's words. */
  readonly because: string;
  /** When the ages in `transport` were counted. */
  readonly transportAtMs: number;
  /** Undefined until they have been listed once. */
  readonly leases: readonly LeaseView[] | undefined;
  /** Seen since the page was opened. */
  readonly renewals: number;
  readonly handshakes: number;
  readonly timeline: Timeline;
  /** The newest last. */
  readonly happenings: readonly Happening[];
  /** The session has no state any more; the last one is shown for a while. */
  readonly gone?: { readonly reason: string; readonly atMs: number };
}

const happeningsMax = 60;

/** @param before undefined when the session is new to the page */
export function takeState(
  before: SessionRecord | undefined,
  transport: TransportState,
  heard: Heard,
): SessionRecord {
  if (before !== undefined && before.gone === undefined) {
    if (before.transport.version === transport.version) return before;
  }
  const { nowMs } = heard;
  const known = before?.timeline ?? emptyTimeline;
  const timeline = followState(known, transport, heard);
  const isStart = startsHandshake(before, transport);
  const happening = {
    atMs: nowMs,
    change: transport.lastChange,
    reason: transport.lastChangeReason,
    handshakeId: handshakeOf(transport),
  };
  const happenings = before === undefined ? [] : [...before.happenings, happening];
  return {
    sessionId: transport.sessionId,
    transport,
    because: becauseOf(before, transport),
    transportAtMs: nowMs,
    leases: before?.leases,
    renewals: before?.renewals ?? 0,
    handshakes: (before?.handshakes ?? 0) + (isStart ? 1 : 0),
    timeline,
    happenings: happenings.slice(-happeningsMax),
  };
}

/** `unknown` may pass, and hosts keep their last word until then: so does the page. */
export function takeGone(before: SessionRecord, reason: string, nowMs: number): SessionRecord {
  const happening = { atMs: nowMs, change: TransportChange.DETACHED, reason, handshakeId: "" };
  return {
    ...before,
    leases: [],
    gone: { reason, atMs: nowMs },
    timeline: endTimeline(before.timeline, nowMs),
    happenings: [...before.happenings, happening].slice(-happeningsMax),
  };
}

/** Leases, and the ages of what is known already: the watch brings the changes. */
export function takeSummary(
  before: SessionRecord,
  { leases: listed, transport }: SessionSummary,
  at: ListedAt,
): SessionRecord {
  const { nowMs } = at;
  const { leases, renewals, marks } = seeLeases(before.leases, listed, at);
  const isSame = transport?.version === before.transport.version;
  return {
    ...before,
    ...(isSame && { transport, transportAtMs: nowMs }),
    leases,
    renewals: before.renewals + renewals,
    timeline: withMarks(before.timeline, marks, nowMs),
  };
}

/** The first state of a session shows what was going on before the page was open. */
function startsHandshake(
  before: SessionRecord | undefined,
  { negotiation }: TransportState,
): boolean {
  const id = negotiation?.handshakeId;
  return (
    before !== undefined && id !== undefined && id !== before.transport.negotiation?.handshakeId
  );
}

function handshakeOf({ lastChange, negotiation, handshakeId }: TransportState): string {
  if (lastChange === TransportChange.NEGOTIATION_STARTED) return negotiation?.handshakeId ?? "";
  const { PROMOTED, HEALTH_CHANGED } = TransportChange;
  return lastChange === PROMOTED || lastChange === HEALTH_CHANGED ? handshakeId : "";
}

/** A lease, or a handshake that stops lingering, changes neither the path nor its health. */
function becauseOf(
  before: SessionRecord | undefined,
  { lastChange, lastChangeReason }: TransportState,
): string {
  const { LEASES_CHANGED, RETIRED } = TransportChange;
  const isBeside = lastChange === LEASES_CHANGED || lastChange === RETIRED;
  if (!isBeside) return lastChangeReason;
  return before?.because ?? "";
}
