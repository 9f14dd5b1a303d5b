import type { BeachId, HandshakeId, LeaseId, TokenHash } from "./ids.ts";
import type {
  Backoff,
  End,
  Evidence,
  Handshake,
  Health,
  HealthReason,
  Hold,
  Lease,
  LeaseEnd,
  PromotedHandshake,
  Reporter,
} from "./session.ts";
import type { EpochMs } from "./time.ts";

/** What can have happened to a session. Each event carries its moment and all that evolve needs. */
export type SessionEvent = LifecycleEvent | LeaseEvent | TransportEvent;

export type LifecycleEvent =
  | {
      readonly kind: "SessionAttached";
      readonly at: EpochMs;
      readonly beachId: BeachId;
      readonly managerUrl: string;
      readonly requiredChannels: readonly string[];
      readonly hostReports: boolean;
      /** The newest gap at the attach. The session takes up only later ones. */
      readonly gapsTaken: number;
      readonly incarnation: number;
    }
  | {
      readonly kind: "SessionUpdated";
      readonly at: EpochMs;
      readonly managerUrl: string;
      readonly requiredChannels: readonly string[];
      readonly hostReports: boolean;
    }
  | { readonly kind: "SessionDetached"; readonly at: EpochMs; readonly reason: string }
  /** The session is watched, or was until just now, and nothing else keeps it from going idle. */
  | { readonly kind: "SessionTouched"; readonly at: EpochMs }
  /** A tombstone has expired: the store may drop the record. */
  | { readonly kind: "TombstoneExpired"; readonly at: EpochMs }
  /**
   * The store has forgotten what came after this record: no counter repeats what it gave out, or
   * what is given out until `splitUntil` by those who still have it.
   */
  | {
      readonly kind: "IncarnationChanged";
      readonly at: EpochMs;
      readonly incarnation: number;
      readonly splitUntil: EpochMs;
    }
  /** Deadlines that had not passed at `from` move by the gap's length. */
  | {
      readonly kind: "GapTaken";
      readonly at: EpochMs;
      readonly number: number;
      readonly from: EpochMs;
      readonly until: EpochMs;
      readonly expiries: readonly { readonly leaseId: LeaseId; readonly expiresAt: EpochMs }[];
    };

/** The only events on the path of a renewal: none of them can name a handshake. */
export type LeaseEvent =
  | { readonly kind: "LeaseGranted"; readonly at: EpochMs; readonly lease: Lease }
  | {
      readonly kind: "LeaseExtended";
      readonly at: EpochMs;
      readonly leaseId: LeaseId;
      readonly expiresAt: EpochMs;
      readonly ttlMs: number;
      /** The ttl is not above the recorded one: it may be written a moment later. */
      readonly plain: boolean;
    }
  /** The key that derives tokens was lost. From now on a second token is valid for the lease. */
  | {
      readonly kind: "LeaseRekeyed";
      readonly at: EpochMs;
      readonly leaseId: LeaseId;
      readonly tokenHash: TokenHash;
    }
  | {
      readonly kind: "LeaseEnded";
      readonly at: EpochMs;
      readonly leaseId: LeaseId;
      readonly endedBy: LeaseEnd;
      /** The reason given with a revocation or detachment; empty otherwise. */
      readonly cause: string;
    }
  | { readonly kind: "HoldPlaced"; readonly at: EpochMs; readonly hold: Hold }
  | { readonly kind: "HoldsLifted"; readonly at: EpochMs };

export type TransportEvent =
  | { readonly kind: "HandshakeStarted"; readonly at: EpochMs; readonly handshake: Handshake }
  /** It is to be sent to the host now, and again at `nextTryAt` unless it has been delivered. */
  | {
      readonly kind: "DeliveryDue";
      readonly at: EpochMs;
      readonly handshakeId: HandshakeId;
      readonly tries: number;
      readonly nextTryAt: EpochMs;
      /** The lease whose token the host gets; nothing is sent if no lease is live. */
      readonly leaseId: LeaseId | undefined;
    }
  | {
      readonly kind: "HandshakeDelivered";
      readonly at: EpochMs;
      readonly handshakeId: HandshakeId;
      /** `watch`: the host has come to watch the session, and sees the handshake there. */
      readonly by: "message" | "watch";
    }
  | {
      readonly kind: "HandshakePromoted";
      readonly at: EpochMs;
      readonly promoted: PromotedHandshake;
      readonly generation: number;
      readonly reason: "confirmed" | "host_silent" | "adopted";
      /** Until when the one that it replaces stays honoured. */
      readonly lingerUntil: EpochMs;
    }
  /** An end names a generation above the session's: the store has lost something. */
  | { readonly kind: "GenerationNamed"; readonly at: EpochMs; readonly generation: number }
  /** The promoted handshake continues under this greater generation. */
  | {
      readonly kind: "GenerationRaised";
      readonly at: EpochMs;
      readonly handshakeId: HandshakeId;
      readonly generation: number;
    }
  | {
      readonly kind: "HandshakeAbandoned";
      readonly at: EpochMs;
      readonly handshakeId: HandshakeId;
      readonly reason: "confirm_timeout" | "ends_disagree";
      readonly honouredUntil: EpochMs;
    }
  | {
      readonly kind: "HandshakeRetired";
      readonly at: EpochMs;
      readonly handshakeId: HandshakeId;
      readonly reason: "linger_over" | "abandonment_over" | "crowded_out" | "outrun";
    }
  | {
      readonly kind: "NegotiationDelayed";
      readonly at: EpochMs;
      readonly which: "recoveries" | "replacements";
      readonly backoff: Backoff;
    }
  /** A transport is proven. Earlier failures no longer delay anything. */
  | {
      readonly kind: "BackoffReset";
      readonly at: EpochMs;
      readonly which: "recoveries" | "replacements";
    }
  | { readonly kind: "DiedEarly"; readonly at: EpochMs }
  | {
      readonly kind: "ReportReceived";
      readonly at: EpochMs;
      readonly end: End;
      /** Unset for a report without a number. */
      readonly reporter: Reporter | undefined;
      /** When it was observed, shifted past each gap since. */
      readonly agesFrom: EpochMs;
      /** Unset when the report does not count, such as one about a retired handshake. */
      readonly received: ReceivedEvidence | undefined;
    }
  /** A report without news. Only its place in the order is kept. */
  | { readonly kind: "ReportPlaced"; readonly at: EpochMs; readonly reporter: Reporter }
  | {
      readonly kind: "HealthChanged";
      readonly at: EpochMs;
      readonly handshakeId: HandshakeId;
      readonly from: Health;
      readonly to: Health;
      readonly reason: HealthReason;
    };

export interface ReceivedEvidence {
  readonly handshakeId: HandshakeId;
  readonly evidence: Evidence;
  /** The report differs from the end's last one in more than its age. */
  readonly changed: boolean;
  readonly goodSince: EpochMs | undefined;
}
