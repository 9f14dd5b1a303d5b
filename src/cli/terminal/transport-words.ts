import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";

import {
  ConnectionState,
  type Lease,
  TransportChange,
  TransportEnd,
  TransportHealth,
  TransportPath,
  type TransportState,
} from "../../client/contract.ts";
import { durationWords, msOf } from "./durations.ts";

type Enum = Readonly<Record<number, string>>;

/** The word of the contract in small letters; the number of one that this version does not know. */
function wordOf(names: Enum, value: number): string {
  return names[value]?.toLowerCase() ?? String(value);
}

/** Null before the first promotion. */
function healthOf({ health }: TransportState): string | null {
  return health === TransportHealth.UNSPECIFIED ? null : wordOf(TransportHealth, health);
}

export function pathWord(path: TransportPath): string {
  return wordOf(TransportPath, path);
}

/** The paths by which sessions can be chosen. */
export const pathWords: readonly string[] = [
  TransportPath.PENDING,
  TransportPath.FAST_PATH,
  TransportPath.HTTP_FALLBACK,
].map(pathWord);

/** The cells of a state, for people; the session's id first. */
export function stateCells(state: TransportState): readonly string[] {
  const { sessionId, path, lastChangeReason, evidenceAge, liveLeases } = state;
  return [
    sessionId,
    pathWord(path),
    healthOf(state) ?? "-",
    lastChangeReason || "-",
    durationWords(evidenceAge),
    String(liveLeases),
    negotiationWords(state),
  ];
}

export const stateHeads: readonly string[] = [
  "SESSION",
  "PATH",
  "HEALTH",
  "REASON",
  "EVIDENCE",
  "LEASES",
  "NEGOTIATION",
];

/** What is being negotiated, or when the service will next do so. */
export function negotiationWords({ negotiation, nextNegotiationIn }: TransportState): string {
  if (negotiation !== undefined) {
    const { attempt, handshakeId, confirmIn } = negotiation;
    return `attempt ${attempt}, ${handshakeId}, to confirm in ${durationWords(confirmIn)}`;
  }
  return nextNegotiationIn === undefined ? "-" : `not before ${durationWords(nextNegotiationIn)}`;
}

/** A state with the fields that `--json` promises; null where there is nothing. */
export function stateJson(state: TransportState): Readonly<Record<string, unknown>> {
  const { negotiation, lingering } = state;
  return {
    session: state.sessionId,
    version: Number(state.version),
    path: pathWord(state.path),
    health: healthOf(state),
    generation: Number(state.generation),
    handshake: state.handshakeId || null,
    promoted_at: momentOf(state.promotedAt),
    evidence_age_ms: msOf(state.evidenceAge),
    ends: state.ends.map((view) => ({
      end: wordOf(TransportEnd, view.end),
      connection: wordOf(ConnectionState, view.connection),
      ready_channels: view.readyChannels,
      age_ms: msOf(view.age),
    })),
    negotiation: negotiation
      ? {
          handshake: negotiation.handshakeId,
          attempt: negotiation.attempt,
          confirm_in_ms: msOf(negotiation.confirmIn),
        }
      : null,
    lingering: lingering?.handshakeId ?? null,
    next_negotiation_in_ms: msOf(state.nextNegotiationIn),
    change: wordOf(TransportChange, state.lastChange),
    reason: state.lastChangeReason,
    changed_at: momentOf(state.lastChangeAt),
    live_leases: state.liveLeases,
    lease_version: Number(state.leaseVersion),
  };
}

export function leaseJson(lease: Lease): Readonly<Record<string, unknown>> {
  return {
    lease: lease.leaseId,
    account: lease.accountId || null,
    reason: lease.reason || null,
    epoch: Number(lease.epoch),
    expires_at: momentOf(lease.expiresAt),
    expires_in_ms: msOf(lease.expiresIn),
  };
}

export function momentOf(timestamp: Timestamp | undefined): string | null {
  return timestamp === undefined ? null : timestampDate(timestamp).toISOString();
}
