import type { Command, NegotiationAnswer } from "../core/command.ts";
import type { SessionEvent } from "../core/event.ts";
import type { HandshakeId, SessionId } from "../core/ids.ts";
import type { Refreshed } from "../core/lease/decide-refresh.ts";
import type { RefusalReason } from "../core/refusal.ts";
import type { Gap, NegotiationReason, SessionRecord } from "../core/session.ts";
import type { DurationMs } from "../core/time.ts";
import type { EndedMiss, EndedNegotiation } from "../core/transport/outcomes.ts";
import type { WatchSelection } from "./lease-service.ts";
import type { ClockJump } from "./time/clock.ts";

/** Everything that logs and metrics observe of the service. */
export type ServiceEvent =
  /** An event of a session, already durable (a plain extension: soon). */
  | {
      readonly kind: "happened";
      readonly sessionId: SessionId;
      readonly event: SessionEvent;
      readonly previous: SessionRecord | undefined;
      readonly next: SessionRecord | undefined;
    }
  /** Leases were renewed in which an expiry moved and nothing else happened. */
  | { readonly kind: "refreshed"; readonly renewals: readonly Refreshed[] }
  /** A lease was acquired, or renewed with more to it than that. */
  | {
      readonly kind: "renewed";
      readonly sessionId: SessionId;
      readonly command: "Acquire" | "Renew";
      readonly outcome: NegotiationAnswer["outcome"];
      readonly joined: boolean;
    }
  /** A caller asked for a negotiation, and joined one that was in flight. */
  | {
      readonly kind: "joined";
      readonly sessionId: SessionId;
      readonly handshakeId: HandshakeId;
      /** Why that one had been started. */
      readonly reason: NegotiationReason;
    }
  | ({ readonly kind: "negotiated"; readonly sessionId: SessionId } & EndedNegotiation)
  /** Somebody held a lease and had no fast path, and that is over. */
  | ({ readonly kind: "missed"; readonly sessionId: SessionId } & EndedMiss)
  /** A deadline has had its effect, so long after its moment. */
  | { readonly kind: "due"; readonly lateMs: DurationMs }
  | {
      readonly kind: "refused";
      readonly sessionId: SessionId;
      readonly command: Command["kind"];
      readonly reason: RefusalReason;
    }
  /**
   * The service could receive nothing for a while about the sessions in this many buckets of its
   * store. A store held by one process is one bucket. The number is the gap's number in one of the
   * buckets.
   */
  | { readonly kind: "gap"; readonly gap: Gap; readonly buckets: number }
  /** The wall clock was stepped, or the machine was suspended. */
  | { readonly kind: "clock"; readonly jump: ClockJump }
  /** What came of sending a handshake to a host that does not watch. */
  | {
      readonly kind: "delivery";
      readonly sessionId: SessionId;
      readonly handshakeId: HandshakeId;
      readonly outcome: DeliveryOutcome;
      readonly tries: number;
      readonly error?: unknown;
    }
  /**
   * A watch stream began or ended, or is about to end since its reader took nothing for too long.
   */
  | {
      readonly kind: "watch";
      readonly change: "opened" | "stalled" | "closed";
      readonly open: number;
      /** Where it came in. */
      readonly door: string;
      readonly reader: WatchSelection["reader"];
      /** Why it ended, once it has. */
      readonly ending?: WatchEnding;
    }
  /** Something failed and no caller learns why; the service continues. */
  | {
      readonly kind: "failed";
      readonly where: string;
      /** Set where it concerns one session. */
      readonly sessionId?: SessionId;
      readonly error: unknown;
    };

/**
 * `no_lease`: no lease is live whose token the host could get. `crowded`: too many are on their way.
 * Whatever was not taken is sent again later.
 */
export type DeliveryOutcome = "taken" | "unknown_session" | "unavailable" | "no_lease" | "crowded";

/**
 * Why a watch stream ended. `left`: its caller, or the connection. `failed`: an internal error, or
 * the store.
 */
export type WatchEnding = "left" | "draining" | "stalled" | "bearer_ended" | "failed";

/** Never throws, never waits. */
export type ServiceObserver = (event: ServiceEvent) => void;
