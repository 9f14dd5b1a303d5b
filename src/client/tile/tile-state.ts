import type { HandshakeOffer } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import type { CallFailure, EndedBy } from "../calls/call-failure.ts";
import type { Moment } from "../calls/clock.ts";

/** A lease as its holder knows it. */
export interface HeldLease {
  readonly leaseId: string;
  /** The secret that comes with each action. It stays the same while the lease is renewed. */
  readonly controllerToken: string;
  /** Fencing number: grows with each grant on the session. */
  readonly epoch: bigint;
  /** Exclusive. Counted from when the call was sent, so never later than at the service. */
  readonly expiresAt: Moment;
}

/** What a tile may take to be so about its lease. */
export type TileLeaseState =
  /** Asked for, and not granted yet; `trouble` says why the last try failed. */
  | { readonly kind: "acquiring"; readonly trouble?: CallFailure }
  /** Live, and the last call was answered. */
  | { readonly kind: "held"; readonly lease: HeldLease }
  /** Its renewals fail, and it has not run out by any clock: keep the fast path, and go on. */
  | { readonly kind: "uncertain"; readonly lease: HeldLease; readonly trouble: CallFailure }
  /**
   * Ended for certain: the service said so, or it ran out by the monotonic or the wall clock. It is
   * acquired again, unless it was revoked or released, or the session was detached.
   */
  | {
      readonly kind: "lost";
      readonly endedBy: EndedBy;
      readonly isReacquiring: boolean;
      readonly trouble?: CallFailure;
    }
  /** Not granted, for a reason that does not pass by itself: nothing happens before `retry()`. */
  | { readonly kind: "refused"; readonly refusal: CallFailure }
  /** Given up by this tile. */
  | { readonly kind: "released" };

/** What the service did about the fast path when it granted or renewed. */
export type RenewalOutcome = "refresh" | "renegotiate";

export type TileLeaseEvent =
  /** A lease that this tile did not hold before. */
  | {
      readonly kind: "acquired";
      readonly lease: HeldLease;
      readonly outcome: RenewalOutcome;
      /** The handshake was already in flight. */
      readonly joined: boolean;
    }
  | {
      readonly kind: "renewed";
      readonly lease: HeldLease;
      readonly outcome: RenewalOutcome;
      readonly joined: boolean;
    }
  /** A call failed; it is made again after `retryInMs`. The fast path is not touched by it. */
  | { readonly kind: "failed"; readonly failure: CallFailure; readonly retryInMs: number }
  | { readonly kind: "lost"; readonly endedBy: EndedBy; readonly isReacquiring: boolean }
  | { readonly kind: "refused"; readonly refusal: CallFailure }
  | { readonly kind: "released" }
  /** The session's transport, from the watch or from an answer. */
  | { readonly kind: "transport"; readonly transport: TransportState };

/**
 * A handshake that the service delivers to nobody: the session's host neither watches nor is reached
 * through Beach Road. The tile sends it as the control message `manager_handshake`.
 */
export interface Relay {
  readonly offer: HandshakeOffer;
  readonly lease: HeldLease;
}
