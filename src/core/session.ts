import type {
  AccountId,
  BeachId,
  HandshakeId,
  LeaseId,
  ReporterId,
  SessionId,
  TokenHash,
  TransportId,
} from "./ids.ts";
import type { DurationMs, EpochMs } from "./time.ts";

/** What a store keeps under a session id. */
export type SessionRecord = Session | Tombstone;

/** A session that is known: its leases, and the truth about its transport. */
export interface Session {
  readonly kind: "attached";
  readonly id: SessionId;
  readonly beachId: BeachId;
  /** When this store first knew the session; ids minted before say nothing about it. */
  readonly knownSince: EpochMs;
  /** Counts every event, for compare-and-set; never leaves the service. */
  readonly revision: number;
  /** Rises when the shown transport state changes, except for its ages. */
  readonly version: number;
  /** When the session was last used, apart from live leases. */
  readonly activeAt: EpochMs;
  /** The number of the last gap that this session has taken up. */
  readonly gapsTaken: number;
  /** The incarnation of the store in which the counters count. */
  readonly incarnation: number;
  readonly leases: LeaseBook;
  readonly transport: Transport;
  /**
   * Since when somebody holds a lease and no path is usable; undefined while that is not so. Gaps
   * count, since nobody had a fast path meanwhile. Nothing is decided by it.
   */
  readonly missedSince: EpochMs | undefined;
  readonly lastChange: LastChange;
}

/** What is kept of a detached session, so that no number is reused when it comes back. */
export interface Tombstone {
  readonly kind: "detached";
  readonly id: SessionId;
  readonly beachId: BeachId;
  readonly knownSince: EpochMs;
  readonly revision: number;
  readonly version: number;
  readonly gapsTaken: number;
  readonly incarnation: number;
  readonly detachedAt: EpochMs;
  readonly reason: string;
  readonly leases: LeaseBook;
  readonly generation: number;
  /** As of the session: what was never promoted here is not shown as if it had been. */
  readonly generationFloor: number;
  readonly newestHandshakeId: HandshakeId | undefined;
}

/** The leases of one session, live and remembered. */
export interface LeaseBook {
  /** The epoch of the newest grant; grows with each grant and is never used twice. */
  readonly epoch: number;
  /** Changes when a lease is granted or ends, never on a renewal. */
  readonly version: number;
  readonly live: readonly Lease[];
  /** How the last ones ended, newest last. */
  readonly ended: readonly EndedLease[];
  readonly holds: readonly Hold[];
}

/** The right to send actions until `expiresAt`, which is exclusive. */
export interface Lease {
  readonly id: LeaseId;
  /** Empty for a lease without an account. */
  readonly account: AccountId;
  readonly reason: string;
  readonly epoch: number;
  /** The tokens valid for this lease: one, or two after the token key was lost. */
  readonly tokenHashes: readonly TokenHash[];
  /** The ttl last asked for, clamped. */
  readonly ttlMs: DurationMs;
  readonly expiresAt: EpochMs;
}

/** What a lease is held under: at most one live lease of a session has the same. */
export interface LeaseKey {
  readonly account: AccountId;
  readonly reason: string;
}

/** What ended a lease; `unknown` is the answer for a token that the session does not remember. */
export type LeaseEnd = "expired" | "released" | "revoked" | "detached";

export interface EndedLease {
  readonly id: LeaseId;
  readonly tokenHashes: readonly TokenHash[];
  readonly endedBy: LeaseEnd;
  readonly endedAt: EpochMs;
  /** Undefined where it was not recorded, as by earlier versions. */
  readonly key: LeaseKey | undefined;
}

/** New leases are blocked until `until` (exclusive), on the session or under one lease key. */
export type Hold =
  | { readonly kind: "session"; readonly until: EpochMs }
  | {
      readonly kind: "lease";
      readonly until: EpochMs;
      readonly account: AccountId;
      readonly reason: string;
    };

/** The fast path of a session, everything known about it, and what delays the next one. */
export interface Transport {
  /** From the last attach, for later handshakes. */
  readonly managerUrl: string;
  readonly requiredChannels: readonly string[];
  readonly hostReports: boolean;

  /** Fences promoted transports; grows with each promotion, 0 before the first. */
  readonly generation: number;
  /**
   * The next promotion is above this: an end has named it, or a lost incarnation may have used it.
   */
  readonly generationFloor: number;
  readonly path: FastPath;
  /** Handshakes started since the last promotion. */
  readonly attempts: number;
  /** The first negotiation has ended, so the path is no longer pending. */
  readonly settled: boolean;
  /** Oldest first. */
  readonly abandoned: readonly AbandonedHandshake[];
  readonly lingering: LingeringHandshake | undefined;
  /** Handshakes that an end named and the session does not hold. They may be adopted. */
  readonly unrecognised: readonly UnrecognisedHandshake[];
  readonly newestHandshakeId: HandshakeId | undefined;
  readonly youngestRetiredId: HandshakeId | undefined;

  readonly reporters: readonly Reporter[];
  /** When the host end last reported, about any handshake; shifted past each gap since. */
  readonly hostReportedAt: EpochMs | undefined;

  readonly recoveries: Backoff;
  readonly replacements: Backoff;
  /** Transports that died before they were proven, in a row. */
  readonly earlyDeaths: number;
}

/** A union that carries exactly its data. `current` is the promoted one, usable or lost. */
export type FastPath =
  | { readonly kind: "absent" }
  | { readonly kind: "negotiating"; readonly next: Handshake }
  | { readonly kind: "active"; readonly current: PromotedHandshake }
  | {
      readonly kind: "replacing";
      readonly current: PromotedHandshake;
      readonly next: Handshake;
    };

/** What the two ends said about one handshake. */
export interface Witnessed {
  readonly id: HandshakeId;
  readonly manager: Evidence | undefined;
  readonly host: Evidence | undefined;
}

/** A handshake in flight. */
export interface Handshake extends Witnessed {
  /** 1 for the first try since the last promotion. */
  readonly attempt: number;
  readonly reason: NegotiationReason;
  readonly issuedAt: EpochMs;
  readonly confirmBy: EpochMs;
  readonly channels: readonly string[];
  readonly managerUrl: string;
  /** Undefined where the service does not bring it to the host: that watches, or nobody can. */
  readonly delivery: Delivery | undefined;
}

/** How far the service has come with bringing a handshake to a host that does not watch. */
export type Delivery = PendingDelivery | { readonly kind: "delivered" };

export interface PendingDelivery {
  readonly kind: "pending";
  /** The lease whose token the host gets, while it lives. */
  readonly askedBy: LeaseId | undefined;
  readonly tries: number;
  readonly nextTryAt: EpochMs;
}

/** The handshake whose transport is, or was, the fast path. */
export interface PromotedHandshake extends Witnessed {
  readonly channels: readonly string[];
  readonly promotedAt: EpochMs;
  /** How long gaps have lasted since then: they are no silence of an end. */
  readonly gapMs: DurationMs;
  readonly health: Health;
  readonly healthReason: HealthReason;
  /** Since when it has been usable without interruption; meaningless while lost. */
  readonly usableSince: EpochMs;
  /**
   * Since when the evidence has been good, shifted past each gap since; undefined while it is not.
   */
  readonly goodSince: EpochMs | undefined;
}

/** Its deadline passed without a replacement. It may still win until `honouredUntil`. */
export interface AbandonedHandshake extends Witnessed {
  readonly channels: readonly string[];
  readonly honouredUntil: EpochMs;
}

/** Replaced, and honoured a little longer. It never comes back. */
export interface LingeringHandshake {
  readonly id: HandshakeId;
  readonly honouredUntil: EpochMs;
}

/** A handshake that the session does not hold, and that a lost store may have known. */
export interface UnrecognisedHandshake extends Witnessed {}

/** What the service knows of a handshake; an end closes its connection on `retired` alone. */
export type Standing = "promoted" | "in_flight" | "abandoned" | "lingering" | "retired" | "unknown";

export type Health = "healthy" | "degraded" | "stale" | "lost";

export type HealthReason =
  | "confirmed"
  | "recovered"
  | "adopted"
  | "host_silent"
  | "manager_silent"
  | "silent"
  | "ice_disconnected"
  | "channel_missing"
  | "acks_slow"
  | "acks_stalled"
  | "connection_closed"
  | "channel_closed"
  | "end_restarted";

export type NegotiationReason =
  | "acquired"
  | "renewed"
  | "transport_lost"
  | "poor_quality"
  | "network_changed"
  | "operator"
  | "unspecified";

export type End = "manager" | "host";

export type ConnectionState =
  | "unspecified"
  | "connecting"
  | "connected"
  | "disconnected"
  | "failed"
  | "closed";

/** The last report of one end about one handshake. */
export interface Evidence {
  readonly reporterId: ReporterId;
  readonly transportId: TransportId;
  /**
   * The connection with which this end last reported ready. From then on only reports about it
   * count.
   */
  readonly readyTransportId: TransportId | undefined;
  readonly connection: ConnectionState;
  readonly readyChannels: readonly string[];
  /** Listed, neither ready nor closed. A channel in neither list is not there. */
  readonly openingChannels: readonly string[];
  readonly oldestUnackedMs: DurationMs;
  readonly observedAt: EpochMs;
  /** How long gaps have lasted since then: they make the evidence no older. */
  readonly gapMs: DurationMs;
  /** The generation under which this end knows the handshake as promoted; 0 if never. */
  readonly generation: number;
  /** Who said ready, and when last; newest last. */
  readonly readyReports: readonly ReadyReport[];
  /** A reporter that claims to have no connection for the handshake. */
  readonly noConnection: ReadyReport | undefined;
}

export interface ReadyReport {
  readonly reporterId: ReporterId;
  /** Shifted past each gap since. */
  readonly at: EpochMs;
}

/** The newest numbered report of one run of a reporting process. */
export interface Reporter {
  readonly end: End;
  readonly id: ReporterId;
  readonly sequence: number;
}

/** Failures in a row, and the moment before which the next try is not made. */
export interface Backoff {
  readonly failures: number;
  readonly notBefore: EpochMs;
}

export type TransportChange =
  | "attached"
  | "negotiation_started"
  | "promoted"
  | "negotiation_abandoned"
  | "health_changed"
  | "retired"
  | "leases_changed"
  | "detached";

export interface LastChange {
  readonly change: TransportChange;
  readonly reason: string;
  readonly at: EpochMs;
}

/** A stretch in which the service could receive nothing. Gaps are numbered from 1 and taken in order. */
export interface Gap {
  readonly number: number;
  readonly from: EpochMs;
  readonly until: EpochMs;
  /** An absence (restart, store away) gives each lease its ttl again; a stall only its length. */
  readonly kind: "absence" | "stall";
}
