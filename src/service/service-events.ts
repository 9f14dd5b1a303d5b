import type { Command, NegotiationAnswer } from "../core/command.ts";
import type { SessionEvent } from "../core/event.ts";
import type { HandshakeId, SessionId } from "../core/ids.ts";
import type { RefusalReason } from "../core/refusal.ts";
import type { Gap, SessionRecord } from "../core/session.ts";
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
  /** A lease was acquired or renewed. */
  | {
      readonly kind: "renewed";
      readonly sessionId: SessionId;
      readonly command: "Acquire" | "Renew";
      readonly outcome: NegotiationAnswer["outcome"];
      readonly joined: boolean;
    }
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

/** Never throws, never waits. */
export type ServiceObserver = (event: ServiceEvent) => void;
