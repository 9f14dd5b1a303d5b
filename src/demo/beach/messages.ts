import type { Game, Move } from "../pong/game.ts";

// The configurations, commands and events of the processes of the reference beach.

/** What a manager sends a host, each once and in order. */
export interface Action {
  readonly sequence: number;
  /** Unset: it moves nothing, and only counts. */
  readonly move?: Move;
}

/** What a host that runs a game answers: over the fast path, or with its polls. */
export interface GameShown {
  /** The number of the last action that shows in it. */
  readonly applied: number;
  readonly game: Game;
}

export interface ManagerConfig {
  /** The service's internal door. */
  readonly grpcUrl: string;
  /** The service's public door: where the old manager's own POST is passed on to. */
  readonly httpUrl: string;
  readonly privateBeachId: string;
  readonly sessionIds: readonly string[];
  readonly requiredChannels: readonly string[];
  /** Made by the manager itself; 0: none, since players make them. */
  readonly actionsPerSecond: number;
  /**
   * Offer POST /sessions/{id}/controller-handshake as the old manager did: each call drops the
   * connection and mints a handshake.
   */
  readonly oldRenewals: boolean;
  /** Hosts report what they see of their connections. Old ones do not. */
  readonly hostReports: boolean;
}

/** An old host: all that it knows of handshakes comes out of Beach Road's control queue. */
export interface OldHostConfig {
  readonly roadUrl: string;
  readonly sessionId: string;
}

export interface HostConfig {
  readonly grpcUrl: string;
  readonly httpUrl: string;
  /** Which door of the service this host speaks to. */
  readonly door: "grpc" | "connect";
  readonly managerUrl: string;
  readonly sessionIds: readonly string[];
  readonly negotiation: NegotiationManners;
  /** Each session runs a game, and shows it after each action. */
  readonly runsGames: boolean;
}

/** How a host goes about an offer. */
export interface NegotiationManners {
  /** Before the connection is begun: what signalling and ICE take elsewhere. */
  readonly delayMs: number;
  readonly withoutChannels: readonly string[];
  readonly withholdsReady: boolean;
}

export const plainManners: NegotiationManners = {
  delayMs: 0,
  withoutChannels: [],
  withholdsReady: false,
};

export interface TileConfig {
  readonly httpUrl: string;
  readonly sessionId: string;
  readonly reason: string;
  /** Unset: when the service says. */
  readonly renewEveryMs?: number;
}

export type Death = "close" | "channel";

export type ManagerCommand =
  | { readonly kind: "kill"; readonly sessionId: string; readonly death: Death }
  | { readonly kind: "rally"; readonly on: boolean }
  | { readonly kind: "act"; readonly sessionId: string; readonly move: Move }
  | { readonly kind: "counters"; readonly sessionId: string };

export type HostCommand =
  | { readonly kind: "kill"; readonly sessionId: string; readonly death: Death }
  | { readonly kind: "manners"; readonly manners: NegotiationManners }
  | { readonly kind: "mark"; readonly sessionId: string }
  | { readonly kind: "counters"; readonly sessionId: string };

export interface SentCounters {
  /** The number of the last action sent; they begin at 1. */
  readonly lastSent: number;
  readonly lastAcked: number;
  readonly overFastPath: number;
  readonly overHttp: number;
  readonly fallbacks: number;
}

export interface AppliedCounters {
  readonly applied: number;
  readonly lastApplied: number;
  /** Numbers that were skipped. */
  readonly missing: number;
  readonly duplicates: number;
  readonly overFastPath: number;
  readonly overHttp: number;
  /** Between two applied actions, since the last mark. */
  readonly largestGapMs: number;
}

export interface StateSeen {
  readonly kind: "state";
  readonly sessionId: string;
  readonly path: string;
  readonly health: string;
  readonly generation: number;
  readonly handshakeId: string;
  readonly negotiating: string;
  readonly change: string;
  readonly reason: string;
  readonly liveLeases: number;
}

export interface LinkSeen {
  readonly kind: "link";
  readonly sessionId: string;
  readonly handshakeId: string;
  /** `connected`, `mgr-acks ready`, `retired`, … */
  readonly what: string;
}

export type ManagerEvent =
  | { readonly kind: "ready"; readonly url: string }
  | StateSeen
  | LinkSeen
  /** What carries the actions from now on: `http`, or the handshake of a link. */
  | { readonly kind: "carrier"; readonly sessionId: string; readonly over: string }
  | PictureSeen;

/** A game came back. It is old a moment later: shown, and not kept. */
export interface PictureSeen {
  readonly kind: "picture";
  readonly sessionId: string;
  readonly over: ActionRoute;
  readonly game: Game;
  /** How long each action waited that this is the first to show. */
  readonly tookMs: readonly number[];
}

export type ActionRoute = "fast_path" | "http";

export type HostEvent =
  | { readonly kind: "ready" }
  | StateSeen
  | LinkSeen
  | { readonly kind: "poller"; readonly sessionId: string; readonly paused: boolean };

export type OldHostEvent =
  | { readonly kind: "ready" }
  | LinkSeen
  | { readonly kind: "applied"; readonly sequence: number };

export type TileEvent =
  | { readonly kind: "ready" }
  | {
      readonly kind: "renewed";
      readonly sessionId: string;
      readonly outcome: "refresh" | "renegotiate";
      readonly joined: boolean;
      readonly generation: number;
      readonly epoch: string;
      /** Of the controller token, so that it can be compared without being shown. */
      readonly tokenDigest: string;
    }
  | { readonly kind: "refused"; readonly sessionId: string; readonly reason: string };

/** The event of the old tile: all that it reads of an answer. */
export interface OldTileEvent {
  readonly kind: "renewed";
  readonly leaseExpiresAtMs: number;
}
