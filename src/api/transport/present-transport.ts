import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  TransportChange as Change,
  ConnectionState as Connection,
  End,
  Evidence,
  Health,
  Session,
  Standing,
} from "../../core/session.ts";
import type { EpochMs } from "../../core/time.ts";
import {
  currentOf,
  evidenceAt,
  nextNegotiationAt,
  nextOf,
  type TransportPath as Path,
  pathOf,
} from "../../core/view.ts";
import {
  ConnectionState,
  type EndViewSchema,
  HandshakeStanding,
  type Lingering,
  type LingeringSchema,
  type Negotiation,
  type NegotiationSchema,
  TransportChange,
  TransportEnd,
  TransportHealth,
  TransportPath,
  type TransportState,
  type TransportStateSchema,
} from "../../gen/beach/controller/v1/transport_pb.js";
import type { LeaseService } from "../../service/lease-service.ts";
import { toDuration, toTimestamp } from "../moments.ts";

type NegotiationInit = Exclude<MessageInitShape<typeof NegotiationSchema>, Negotiation>;
type LingeringInit = Exclude<MessageInitShape<typeof LingeringSchema>, Lingering>;
type StateInit = Exclude<MessageInitShape<typeof TransportStateSchema>, TransportState>;
type TransportInit = Omit<StateInit, "negotiation" | "lingering"> & {
  readonly negotiation?: NegotiationInit | undefined;
  readonly lingering?: LingeringInit | undefined;
};

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Turns service time into what leaves the service. */
export type TimeSource = Pick<LeaseService, "now" | "toWall">;

/** The whole truth about a session's transport, with ages as of this moment. */
export function presentTransport(session: Session, time: TimeSource): TransportInit {
  // Field by field, without copies: every renewal is answered with one.
  const state: Mutable<TransportInit> = presentLasting(session, time);
  const ages = presentAges(session, time);
  state.evidenceAge = ages.evidenceAge;
  state.ends = ages.ends ?? [];
  state.nextNegotiationAt = ages.nextNegotiationAt;
  state.nextNegotiationIn = ages.nextNegotiationIn;
  const { negotiation, lingering } = state;
  state.negotiation = negotiation && { ...negotiation, ...ages.negotiation };
  state.lingering = lingering && { ...lingering, ...ages.lingering };
  return state;
}

/** The part of a record's message that stays the same until the wall clock is stepped. */
export function presentLasting(session: Session, time: Pick<TimeSource, "toWall">): TransportInit {
  const toWall = (at: EpochMs): EpochMs => time.toWall(at);
  const { transport, leases, lastChange } = session;
  const current = currentOf(transport.path);
  return {
    sessionId: session.id,
    version: BigInt(session.version),
    path: presentPath(session),
    health: presentHealth(session),
    generation: BigInt(transport.generation),
    handshakeId: current?.id ?? "",
    promotedAt: current && toTimestamp(toWall(current.promotedAt)),
    negotiation: presentNegotiation(session, toWall),
    lingering: presentLingering(session, toWall),
    lastChange: changes[lastChange.change],
    lastChangeReason: lastChange.reason,
    lastChangeAt: toTimestamp(toWall(lastChange.at)),
    liveLeases: leases.live.length,
    leaseVersion: BigInt(leases.version),
  };
}

/**
 * The part that depends on the moment of sending: ages, remaining times, and a delay that may be
 * over. Protobuf merges it into the lasting part.
 */
export function presentAges({ transport }: Session, time: TimeSource): TransportInit {
  const now = time.now();
  const next = nextOf(transport.path);
  const { lingering } = transport;
  const current = currentOf(transport.path);
  const reportedAt = current === undefined ? undefined : evidenceAt(current);
  const nextAt = nextNegotiationAt(transport, now);
  return {
    evidenceAge: reportedAt === undefined ? undefined : toDuration(now - reportedAt),
    ends: [
      ...presentEnd("manager", current?.manager, now),
      ...presentEnd("host", current?.host, now),
    ],
    negotiation: next && { confirmIn: toDuration(next.confirmBy - now) },
    lingering: lingering && { honouredFor: toDuration(lingering.honouredUntil - now) },
    ...(nextAt === undefined ? {} : presentNextNegotiation(nextAt, time)),
  };
}

export function presentNextNegotiation(
  at: EpochMs,
  time: TimeSource,
): Pick<TransportInit, "nextNegotiationAt" | "nextNegotiationIn"> {
  return {
    nextNegotiationAt: toTimestamp(time.toWall(at)),
    nextNegotiationIn: toDuration(at - time.now()),
  };
}

export function presentPath(session: Session): TransportPath {
  return paths[pathOf(session.transport)];
}

/** Of the promoted transport; unspecified before the first promotion. */
export function presentHealth(session: Session): TransportHealth {
  const current = currentOf(session.transport.path);
  return current === undefined ? TransportHealth.UNSPECIFIED : healths[current.health];
}

export function presentStanding(standing: Standing): HandshakeStanding {
  return standings[standing];
}

function presentEnd(
  end: End,
  evidence: Evidence | undefined,
  now: EpochMs,
): MessageInitShape<typeof EndViewSchema>[] {
  if (evidence === undefined) return [];
  return [
    {
      end: end === "manager" ? TransportEnd.MANAGER : TransportEnd.HOST,
      transportId: evidence.transportId,
      connection: connections[evidence.connection],
      readyChannels: [...evidence.readyChannels],
      age: toDuration(now - evidence.observedAt),
    },
  ];
}

type ToWall = TimeSource["toWall"];

function presentNegotiation({ transport }: Session, toWall: ToWall): NegotiationInit | undefined {
  const next = nextOf(transport.path);
  if (next === undefined) return undefined;
  return {
    handshakeId: next.id,
    attempt: next.attempt,
    startedAt: toTimestamp(toWall(next.issuedAt)),
    confirmBy: toTimestamp(toWall(next.confirmBy)),
    managerUrl: next.managerUrl,
    channels: [...next.channels],
  };
}

function presentLingering({ transport }: Session, toWall: ToWall): LingeringInit | undefined {
  const { lingering } = transport;
  if (lingering === undefined) return undefined;
  return {
    handshakeId: lingering.id,
    honouredUntil: toTimestamp(toWall(lingering.honouredUntil)),
  };
}

const paths: Readonly<Record<Path, TransportPath>> = {
  pending: TransportPath.PENDING,
  fast_path: TransportPath.FAST_PATH,
  http_fallback: TransportPath.HTTP_FALLBACK,
};

const healths: Readonly<Record<Health, TransportHealth>> = {
  healthy: TransportHealth.HEALTHY,
  degraded: TransportHealth.DEGRADED,
  stale: TransportHealth.STALE,
  lost: TransportHealth.LOST,
};

const standings: Readonly<Record<Standing, HandshakeStanding>> = {
  promoted: HandshakeStanding.PROMOTED,
  in_flight: HandshakeStanding.IN_FLIGHT,
  abandoned: HandshakeStanding.ABANDONED,
  lingering: HandshakeStanding.LINGERING,
  retired: HandshakeStanding.RETIRED,
  unknown: HandshakeStanding.UNKNOWN,
};

const connections: Readonly<Record<Connection, ConnectionState>> = {
  unspecified: ConnectionState.UNSPECIFIED,
  connecting: ConnectionState.CONNECTING,
  connected: ConnectionState.CONNECTED,
  disconnected: ConnectionState.DISCONNECTED,
  failed: ConnectionState.FAILED,
  closed: ConnectionState.CLOSED,
};

const changes: Readonly<Record<Change, TransportChange>> = {
  attached: TransportChange.ATTACHED,
  negotiation_started: TransportChange.NEGOTIATION_STARTED,
  promoted: TransportChange.PROMOTED,
  negotiation_abandoned: TransportChange.NEGOTIATION_ABANDONED,
  health_changed: TransportChange.HEALTH_CHANGED,
  retired: TransportChange.RETIRED,
  leases_changed: TransportChange.LEASES_CHANGED,
  detached: TransportChange.DETACHED,
};
