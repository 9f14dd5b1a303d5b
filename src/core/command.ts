import type {
  AccountId,
  BeachId,
  HandshakeId,
  LeaseId,
  ReporterId,
  TokenHash,
  TransportId,
} from "./ids.ts";
import type { Policy } from "./policy.ts";
import type {
  ConnectionState,
  End,
  Gap,
  Handshake,
  Lease,
  LeaseEnd,
  NegotiationReason,
  Standing,
} from "./session.ts";
import type { DurationMs, EpochMs } from "./time.ts";

/** What callers, and time itself, can ask of a session. */
export type Command =
  | Attach
  | Detach
  | Acquire
  | Renew
  | Renegotiate
  | Release
  | Revoke
  | Report
  | CheckHandshake
  | CheckLease
  | ConfirmDelivery
  | PassTime;

export interface Attach {
  readonly kind: "Attach";
  readonly beachId: BeachId;
  readonly managerUrl: string;
  readonly requiredChannels: readonly string[];
  readonly hostReports: boolean;
}

export interface Detach {
  readonly kind: "Detach";
  readonly reason: string;
}

export interface Acquire {
  readonly kind: "Acquire";
  readonly account: AccountId;
  readonly reason: string;
  readonly ttlMs: DurationMs | undefined;
  /** Used only if a lease has to be granted. */
  readonly nextLeaseId: LeaseId;
  /** Hashes of a lease's tokens: from the key in use, then from the previous key. */
  readonly tokenHashesOf: (leaseId: LeaseId) => readonly [TokenHash, ...TokenHash[]];
  /** A passcode was verified: the session may become known, as this attach would make it. */
  readonly attach: Attach | undefined;
  readonly renewsSlowly?: RenewsSlowly;
}

/** The caller never renews sooner than every 5 s, as those of the old routes. */
type RenewsSlowly = boolean;

export interface Renew {
  readonly kind: "Renew";
  readonly tokenHash: TokenHash;
  /** Unset: the ttl last asked for. */
  readonly ttlMs: DurationMs | undefined;
  readonly leaseOnly: boolean;
  readonly renewsSlowly?: RenewsSlowly;
}

export interface Renegotiate {
  readonly kind: "Renegotiate";
  /** Unset for an operator without a lease, who was authorised by scope. */
  readonly tokenHash: TokenHash | undefined;
  readonly reason: NegotiationReason;
  readonly observedGeneration: number | undefined;
}

export interface Release {
  readonly kind: "Release";
  readonly tokenHash: TokenHash;
}

export interface Revoke {
  readonly kind: "Revoke";
  /** Empty for every lease of the session. */
  readonly leaseIds: readonly LeaseId[];
  /** In the caller's words, for the record. */
  readonly reason: string;
  /** Unset: the policy's; zero lifts every hold. */
  readonly holdMs: DurationMs | undefined;
}

/** What one end knows about one peer connection, whole. */
export interface Report {
  readonly kind: "Report";
  readonly end: End;
  readonly handshakeId: HandshakeId;
  /** Empty, with connection `closed`: this end has no connection for the handshake. */
  readonly transportId: TransportId;
  readonly connection: ConnectionState;
  readonly readyChannels: readonly string[];
  readonly openingChannels: readonly string[];
  readonly oldestUnackedMs: DurationMs;
  readonly reporterId: ReporterId;
  /** 0: not numbered, never dropped. */
  readonly sequence: number;
  readonly observedAgeMs: DurationMs;
  readonly generation: number;
}

export interface CheckHandshake {
  readonly kind: "CheckHandshake";
  readonly handshakeId: HandshakeId;
}

export interface CheckLease {
  readonly kind: "CheckLease";
  readonly tokenHash: TokenHash;
}

/** The message about a handshake has been taken: it is not sent again. */
export interface ConfirmDelivery {
  readonly kind: "ConfirmDelivery";
  readonly handshakeId: HandshakeId;
}

/** Applies what time has made due, and notes that a session is watched. */
export interface PassTime {
  readonly kind: "PassTime";
}

/** What an accepted command answers, beside the session as it is afterwards. */
interface Answers {
  readonly Attach: null;
  readonly Detach: { readonly detached: boolean };
  readonly Acquire: LeaseAnswer;
  readonly Renew: LeaseAnswer;
  readonly Renegotiate: NegotiationAnswer;
  /** `endedBy`: of a lease that was not live; `unknown` for a token that is not remembered. */
  readonly Release: { readonly released: boolean; readonly endedBy: LeaseEnd | "unknown" };
  readonly Revoke: {
    readonly revoked: number;
    /** How many of the named leases the session does not remember. */
    readonly unknown: number;
    /** The hold that was placed is on the whole session. */
    readonly sessionHeld: boolean;
  };
  readonly Report: { readonly standing: Standing };
  readonly CheckHandshake: { readonly standing: Standing; readonly honoured: boolean };
  readonly CheckLease: { readonly lease: Lease };
  readonly ConfirmDelivery: null;
  readonly PassTime: null;
}

export type AnswerOf<C extends Command> = Answers[C["kind"]];

/**
 * `refresh`: this call started and joined no handshake. `renegotiate`: one is in flight, and
 * `joined` says whether it was before this call.
 */
export type NegotiationAnswer =
  | {
      readonly outcome: "refresh";
      /** No handshake starts before then, although none is usable or in flight. */
      readonly retryAt: EpochMs | undefined;
    }
  | { readonly outcome: "renegotiate"; readonly offer: Handshake; readonly joined: boolean };

export interface LeaseAnswer {
  readonly lease: Lease;
  /** When to renew, spread so that callers do not arrive together. */
  readonly renewAfterMs: DurationMs;
  readonly negotiation: NegotiationAnswer;
}

/** What callers have created; where processes share a store, as of a moment ago. */
export interface Population {
  /** Attached sessions of the private beach, and of all. */
  readonly sessionsAtBeach: number;
  readonly sessions: number;
  /** Sessions that the private beach attached within the last minute. */
  readonly attachedLately: number;
  /** Live leases of the private beach. */
  readonly leasesAtBeach: number;
}

/** What a renewal may know that only moves an expiry: nothing with which a handshake could start. */
export interface RefreshContext {
  readonly now: EpochMs;
  readonly policy: Policy;
  /** Gaps in order of their numbers. Those that the session has taken up already are skipped. */
  readonly gaps: readonly Gap[];
  /** Rises each time the store loses its contents, or the newest part of them. */
  readonly incarnation: number;
  readonly entropy: Pick<Entropy, "jitter">;
}

/** All that a decision may know beside the session and the command. */
export interface DecisionContext extends RefreshContext {
  readonly entropy: Entropy;
  /** Handshakes in flight towards one manager, over all sessions. */
  readonly negotiationsInFlight: (managerUrl: string) => number;
  /** What there is already of what a private beach may create. */
  readonly populationOf: (beachId: BeachId) => Population;
  /** The session is watched, or was until just now, so it is not idle. */
  readonly watched: boolean;
  /** The session's host watches it, so that it sees every handshake by itself. */
  readonly hostWatches: boolean;
  /** There is a way to bring handshakes to hosts that do not watch. */
  readonly deliversHandshakes: boolean;
}

/** Chance, handed in. */
export interface Entropy {
  /** Uniform in [0, 1). */
  jitter(): number;
  /** 19 lower-case hexadecimal digits for a handshake id. */
  handshakeBits(): string;
}
