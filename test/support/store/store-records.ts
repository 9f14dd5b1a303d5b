import type { BeachId, HandshakeId, SessionId } from "../../../src/core/ids.ts";
import { mintHandshakeId } from "../../../src/core/ids.ts";
import type {
  Evidence,
  FastPath,
  Lease,
  LeaseBook,
  PromotedHandshake,
  Session,
  SessionRecord,
  Tombstone,
  Transport,
} from "../../../src/core/session.ts";
import type { EpochMs } from "../../../src/core/time.ts";
import type { DecisionBasis, SessionChange } from "../../../src/service/session-store.ts";

/** The moment at which everything built here happened, by default. */
export const builtAt: EpochMs = 1_763_400_000_000;

const channels: readonly string[] = ["mgr-actions", "mgr-acks", "mgr-state"];

function handshakeIdAt(at: EpochMs, seed = 0): HandshakeId {
  return mintHandshakeId(at, seed.toString(16).padStart(19, "0"), undefined);
}

/** A session as it is after its attach; `of` overrides what a test is about. */
export function sessionRecord(of: Partial<Session> = {}): Session {
  return {
    kind: "attached",
    id: "session-1",
    beachId: "beach-1",
    knownSince: builtAt,
    revision: 1,
    version: builtAt,
    activeAt: builtAt,
    gapsTaken: 0,
    incarnation: 0,
    leases: leaseBook(),
    transport: transportState(),
    missedSince: undefined,
    lastChange: { change: "attached", reason: "", at: builtAt },
    ...of,
  };
}

/** What a detached session leaves behind. */
export function tombstoneRecord(of: Partial<Tombstone> = {}): Tombstone {
  return {
    kind: "detached",
    id: "session-1",
    beachId: "beach-1",
    knownSince: builtAt,
    revision: 1,
    version: builtAt,
    gapsTaken: 0,
    incarnation: 0,
    detachedAt: builtAt,
    reason: "requested",
    leases: leaseBook(),
    generation: 0,
    generationFloor: 0,
    newestHandshakeId: undefined,
    ...of,
  };
}

function leaseBook(of: Partial<LeaseBook> = {}): LeaseBook {
  return { epoch: builtAt, version: builtAt, live: [], ended: [], holds: [], ...of };
}

function liveLease(of: Partial<Lease> = {}): Lease {
  return {
    id: "0b9f8a5e-2f4d-4c1e-9d3a-000000000001",
    account: "account-1",
    reason: "auto_handshake",
    epoch: builtAt,
    tokenHashes: ["2jmj7l5rSw0yVb_vlWAYkK_YBwk2jmj7l5rSw0yVb_v"],
    ttlMs: 30_000,
    expiresAt: builtAt + 30_000,
    ...of,
  };
}

function transportState(of: Partial<Transport> = {}): Transport {
  return {
    managerUrl: "http://127.0.0.1:8080",
    requiredChannels: channels,
    hostReports: true,
    generation: 0,
    generationFloor: 0,
    path: { kind: "absent" },
    attempts: 0,
    settled: false,
    abandoned: [],
    lingering: undefined,
    unrecognised: [],
    newestHandshakeId: undefined,
    youngestRetiredId: undefined,
    reporters: [],
    hostReportedAt: undefined,
    recoveries: { failures: 0, notBefore: 0 },
    replacements: { failures: 0, notBefore: 0 },
    earlyDeaths: 0,
    ...of,
  };
}

/** A session with one live lease and a healthy fast path that both ends confirmed. */
export function busySession(of: Partial<Session> = {}): Session {
  const current = promotedHandshake();
  const path: FastPath = { kind: "active", current };
  return sessionRecord({
    leases: leaseBook({ live: [liveLease()] }),
    transport: transportState({
      generation: 1,
      path,
      settled: true,
      newestHandshakeId: current.id,
      hostReportedAt: builtAt,
      reporters: [
        { end: "manager", id: "manager-1", sequence: 7 },
        { end: "host", id: "host-1", sequence: 9 },
      ],
    }),
    ...of,
  });
}

function promotedHandshake(of: Partial<PromotedHandshake> = {}): PromotedHandshake {
  return {
    id: handshakeIdAt(builtAt),
    manager: readyEvidence({ reporterId: "manager-1", transportId: "manager-connection-1" }),
    host: readyEvidence({ reporterId: "host-1", transportId: "host-connection-1" }),
    channels,
    promotedAt: builtAt,
    gapMs: 0,
    health: "healthy",
    healthReason: "confirmed",
    usableSince: builtAt,
    goodSince: builtAt,
    ...of,
  };
}

/** One end's word that everything is up. */
function readyEvidence(of: Partial<Evidence> = {}): Evidence {
  const reporterId = of.reporterId ?? "reporter-1";
  const transportId = of.transportId ?? "connection-1";
  return {
    reporterId,
    transportId,
    readyTransportId: transportId,
    connection: "connected",
    readyChannels: channels,
    openingChannels: [],
    oldestUnackedMs: 0,
    observedAt: builtAt,
    gapMs: 0,
    generation: 1,
    readyReports: [{ reporterId, at: builtAt }],
    noConnection: undefined,
    ...of,
  };
}

/** What is known of a bucket that was first reached when everything here happened. */
export const basis: DecisionBasis = { gap: 0, incarnation: builtAt, reachedSince: builtAt };

/** The change that makes `next` known. */
export function insertion(
  next: SessionRecord,
  of: Partial<Omit<SessionChange, "next" | "id">> = {},
): SessionChange {
  return {
    id: next.id,
    previous: undefined,
    next,
    deadline: undefined,
    durability: "durable",
    basis,
    ...of,
  };
}

/** The change from `previous` to its next revision. */
export function revisionOf<R extends SessionRecord>(
  previous: R,
  of: Partial<R> = {},
  change: Partial<Omit<SessionChange, "next" | "id" | "previous">> = {},
): SessionChange & { readonly next: R } {
  const next: R = { ...previous, revision: previous.revision + 1, ...of };
  return {
    id: previous.id,
    previous,
    next,
    deadline: undefined,
    durability: "durable",
    basis,
    ...change,
  };
}

/** The change after which nothing is kept under the id. */
export function removal(previous: SessionRecord): SessionChange {
  return {
    id: previous.id,
    previous,
    next: undefined,
    deadline: undefined,
    durability: "durable",
    basis,
  };
}

export function sessionsOf(
  beachId: BeachId,
  ids: readonly SessionId[],
  of: Partial<Session> = {},
): readonly Session[] {
  return ids.map((id) => sessionRecord({ ...of, id, beachId }));
}

/** Sessions `s0`, `s1` and so on of one beach. */
export function manySessions(count: number): readonly Session[] {
  return sessionsOf(
    "beach-1",
    Array.from({ length: count }, (_, index) => `s${index}`),
  );
}
