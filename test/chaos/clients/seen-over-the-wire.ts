import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";

import type { EpochMs } from "../../../src/core/time.ts";
import {
  HandshakeKind,
  type HandshakeOffer,
  type Lease,
} from "../../../src/gen/beach/controller/v1/controller_lease_pb.js";
import {
  ConnectionState,
  HandshakeStanding,
  TransportChange,
  TransportEnd,
  TransportHealth,
  TransportPath,
  type TransportState,
} from "../../../src/gen/beach/controller/v1/transport_pb.js";
import type {
  LeaseSeen,
  NegotiationSeen,
  TransportSeen,
  VerdictSeen,
} from "../../simulation/seen/seen.ts";

/** The word of the simulation for a value of an enum, such as `fast_path`. */
function wordOf<Word extends string>(names: Readonly<Record<number, string>>, value: number): Word {
  const name = names[value];
  if (name === undefined || name === "UNSPECIFIED") throw new Error(`${value} says nothing`);
  return name.toLowerCase() as Word;
}

function momentOf(moment: Timestamp): EpochMs;
function momentOf(moment: Timestamp | undefined): EpochMs | undefined;
function momentOf(moment: Timestamp | undefined): EpochMs | undefined {
  return moment === undefined ? undefined : timestampMs(moment);
}

export function seeState(state: TransportState): TransportSeen {
  const { negotiation, lingering } = state;
  return {
    version: Number(state.version),
    path: wordOf(TransportPath, state.path),
    health: state.health === TransportHealth.UNSPECIFIED ? undefined : seeHealth(state.health),
    generation: Number(state.generation),
    handshakeId: state.handshakeId || undefined,
    promotedAt: momentOf(state.promotedAt),
    ends: state.ends.map(({ end, transportId, connection, readyChannels }) => ({
      end: wordOf(TransportEnd, end),
      transportId,
      connection: connection === 0 ? "unspecified" : wordOf(ConnectionState, connection),
      readyChannels,
    })),
    negotiation: negotiation && {
      handshakeId: negotiation.handshakeId,
      attempt: negotiation.attempt,
      startedAt: momentOf(required(negotiation.startedAt)),
      confirmBy: momentOf(required(negotiation.confirmBy)),
      managerUrl: negotiation.managerUrl,
    },
    lingering: lingering && {
      handshakeId: lingering.handshakeId,
      honouredUntil: momentOf(required(lingering.honouredUntil)),
    },
    nextNegotiationAt: momentOf(state.nextNegotiationAt),
    change: wordOf(TransportChange, state.lastChange),
    changeReason: state.lastChangeReason,
    changeAt: momentOf(required(state.lastChangeAt)),
    liveLeases: state.liveLeases,
    leaseVersion: Number(state.leaseVersion),
  };
}

interface Received {
  /** The true time at which it was heard; the wall clock of service and client is the same one. */
  readonly at: EpochMs;
  readonly token: string | undefined;
  /** The least ttl that it may have. */
  readonly ttlMs: number;
}

export function seeLeaseOf(lease: Lease, { at, token, ttlMs }: Received): LeaseSeen {
  return {
    id: lease.leaseId,
    account: lease.accountId,
    reason: lease.reason,
    epoch: Number(lease.epoch),
    token,
    ttlMs,
    remainingMs: momentOf(required(lease.expiresAt)) - at,
  };
}

interface Negotiated {
  readonly handshakeKind: HandshakeKind;
  readonly joined: boolean;
  readonly offer?: HandshakeOffer | undefined;
  readonly transport?: TransportState | undefined;
}

export function seeNegotiated({
  handshakeKind,
  joined,
  offer,
  transport,
}: Negotiated): NegotiationSeen {
  const isRefresh = handshakeKind === HandshakeKind.REFRESH;
  return {
    outcome: isRefresh ? "refresh" : "renegotiate",
    joined,
    handshakeId: offer?.handshakeId,
    confirmBy: momentOf(offer?.confirmBy),
    retryAt: isRefresh ? momentOf(transport?.nextNegotiationAt) : undefined,
  };
}

interface Judged {
  readonly path: TransportPath;
  readonly health: TransportHealth;
  readonly generation: bigint;
  readonly standing: HandshakeStanding;
}

export function seeVerdictOf({ path, health, generation, standing }: Judged): VerdictSeen {
  return {
    path: wordOf(TransportPath, path),
    health: health === TransportHealth.UNSPECIFIED ? undefined : seeHealth(health),
    generation: Number(generation),
    standing: seeStanding(standing),
  };
}

export function seeStanding(standing: HandshakeStanding): VerdictSeen["standing"] {
  return wordOf(HandshakeStanding, standing);
}

function seeHealth(health: TransportHealth): NonNullable<TransportSeen["health"]> {
  return wordOf(TransportHealth, health);
}

export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the service left out what it always says");
  return value;
}
