import type { NegotiationAnswer } from "../../../src/core/command.ts";
import type {
  ConnectionState,
  Health,
  Lease,
  Session,
  Standing,
  TransportChange,
} from "../../../src/core/session.ts";
import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import {
  currentOf,
  nextNegotiationAt,
  nextOf,
  pathOf,
  type TransportPath,
} from "../../../src/core/view.ts";
import type { LeaseService } from "../../../src/service/lease-service.ts";

/** A lease as an answer shows it. */
export interface LeaseSeen {
  readonly id: string;
  readonly account: string;
  readonly reason: string;
  readonly epoch: number;
  /** Shown by an acquire, and by nothing else. */
  readonly token: string | undefined;
  readonly ttlMs: DurationMs;
  /** What remains of it by the `expires_at` of the answer and the wall clock that it is told by. */
  readonly remainingMs: DurationMs;
}

/** What a renewal said about handshakes. */
export interface NegotiationSeen {
  readonly outcome: "refresh" | "renegotiate";
  readonly joined: boolean;
  readonly handshakeId: string | undefined;
  readonly confirmBy: EpochMs | undefined;
  readonly retryAt: EpochMs | undefined;
}

export interface EndSeen {
  readonly end: "manager" | "host";
  readonly transportId: string;
  readonly connection: ConnectionState;
  readonly readyChannels: readonly string[];
}

/** A transport state without ages, its moments in service time. */
export interface TransportSeen {
  readonly version: number;
  readonly path: TransportPath;
  readonly health: Health | undefined;
  readonly generation: number;
  readonly handshakeId: string | undefined;
  readonly promotedAt: EpochMs | undefined;
  readonly ends: readonly EndSeen[];
  readonly negotiation:
    | {
        readonly handshakeId: string;
        readonly attempt: number;
        readonly startedAt: EpochMs;
        readonly confirmBy: EpochMs;
        readonly managerUrl: string;
      }
    | undefined;
  readonly lingering: { readonly handshakeId: string; readonly honouredUntil: EpochMs } | undefined;
  readonly nextNegotiationAt: EpochMs | undefined;
  readonly change: TransportChange;
  readonly changeReason: string;
  readonly changeAt: EpochMs;
  readonly liveLeases: number;
  readonly leaseVersion: number;
}

/** The service's word on one report. */
export interface VerdictSeen {
  readonly path: TransportPath;
  readonly health: Health | undefined;
  readonly generation: number;
  readonly standing: Standing;
}

export function seeLease(
  lease: Lease,
  service: LeaseService,
  shown: { readonly wallNow: EpochMs; readonly token: boolean },
): LeaseSeen {
  const { id, account, reason, epoch, ttlMs } = lease;
  const token = shown.token ? service.tokens.of(id, lease.tokenHashes) : undefined;
  const remainingMs = service.toWall(lease.expiresAt) - shown.wallNow;
  return { id, account, reason, epoch, token, ttlMs, remainingMs };
}

export function seeNegotiation(answer: NegotiationAnswer): NegotiationSeen {
  return answer.outcome === "refresh"
    ? {
        outcome: "refresh",
        joined: false,
        handshakeId: undefined,
        confirmBy: undefined,
        retryAt: answer.retryAt,
      }
    : {
        outcome: "renegotiate",
        joined: answer.joined,
        handshakeId: answer.offer.id,
        confirmBy: answer.offer.confirmBy,
        retryAt: undefined,
      };
}

export function seeTransport(session: Session, now: EpochMs): TransportSeen {
  const { transport, lastChange, leases } = session;
  const current = currentOf(transport.path);
  const next = nextOf(transport.path);
  return {
    version: session.version,
    path: pathOf(transport),
    health: current?.health,
    generation: transport.generation,
    handshakeId: current?.id,
    promotedAt: current?.promotedAt,
    ends: [...seeEnd("manager", current?.manager), ...seeEnd("host", current?.host)],
    negotiation: next && {
      handshakeId: next.id,
      attempt: next.attempt,
      startedAt: next.issuedAt,
      confirmBy: next.confirmBy,
      managerUrl: next.managerUrl,
    },
    lingering: transport.lingering && {
      handshakeId: transport.lingering.id,
      honouredUntil: transport.lingering.honouredUntil,
    },
    nextNegotiationAt: nextNegotiationAt(transport, now),
    change: lastChange.change,
    changeReason: lastChange.reason,
    changeAt: lastChange.at,
    liveLeases: leases.live.length,
    leaseVersion: leases.version,
  };
}

export function seeVerdict(session: Session, standing: Standing): VerdictSeen {
  const { transport } = session;
  return {
    path: pathOf(transport),
    health: currentOf(transport.path)?.health,
    generation: transport.generation,
    standing,
  };
}

type Evidence = { readonly transportId: string } & Pick<EndSeen, "connection" | "readyChannels">;

function seeEnd(end: EndSeen["end"], evidence: Evidence | undefined): EndSeen[] {
  if (evidence === undefined) return [];
  const { transportId, connection, readyChannels } = evidence;
  return [{ end, transportId, connection, readyChannels }];
}
