import type { HandshakeOffer } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { BackoffOptions } from "../calls/backoff.ts";
import type { CallFailure } from "../calls/call-failure.ts";
import type { Moment } from "../calls/clock.ts";
import { nothingSeen, type PathSeen, type PathWatch } from "./path-watch.ts";
import type {
  HeldLease,
  Relay,
  RenewalOutcome,
  TileLeaseEvent,
  TileLeaseState,
} from "./tile-state.ts";

/** Horizons of a tile. */
export interface TilePolicy {
  /** Asked for while the page is shown. */
  readonly ttlMs: number;
  /** Asked for while it is hidden: a browser wakes hidden pages once a minute, if at all. */
  readonly hiddenTtlMs: number;
  readonly callTimeoutMs: number;
  /** Over how long the tiles of a session that lost its path spread their renewals. */
  readonly spreadMs: number;
  readonly backoff: Omit<BackoffOptions, "random">;
}

/** Everything that a tile's next step depends on, beside time and chance. */
export interface TileMemory {
  readonly state: TileLeaseState;
  readonly isHidden: boolean;
  /** The page went away while the tile held a lease, or was about to. */
  readonly hasLeft: boolean;
  /** The call under way: there is one at a time. */
  readonly call: TileCall | undefined;
  /** The last lease, until the service has said that it ended. */
  readonly lease: HeldLease | undefined;
  /** When to call next, whatever else happens; undefined: not before something does. */
  readonly dueAt: Moment | undefined;
  /** Calls in a row that failed. */
  readonly failures: number;
  readonly path: PathWatch;
  /** The handshake that was relayed last. */
  readonly relayed: string;
  /** Calls so far. */
  readonly calls: number;
}

export interface TileCall {
  readonly id: number;
  readonly sentAt: Moment;
  readonly deadline: Moment;
  /** The token to renew with; undefined: to acquire a lease. */
  readonly controllerToken: string | undefined;
  readonly ttlMs: number;
}

export type TileInput =
  /** Time has passed, or there was a sign of life. */
  | { readonly kind: "look" }
  /** The machine woke up or is back on the network: there is no point in waiting longer. */
  | { readonly kind: "awake" }
  | { readonly kind: "visibility"; readonly isHidden: boolean }
  | { readonly kind: "seen"; readonly path: PathSeen }
  /** The session was detached. */
  | { readonly kind: "gone" }
  | { readonly kind: "granted"; readonly callId: number; readonly grant: Grant }
  | { readonly kind: "failed"; readonly callId: number; readonly failure: CallFailure }
  | { readonly kind: "relay_failed"; readonly handshakeId: string }
  | { readonly kind: "release" }
  /** The page goes away, and perhaps comes back. */
  | { readonly kind: "leave" }
  | { readonly kind: "return" }
  | { readonly kind: "retry" };

/** What the answer to an acquire or a renewal says. */
export interface Grant {
  readonly leaseId: string;
  readonly controllerToken: string;
  readonly epoch: bigint;
  readonly expiresInMs: number;
  readonly renewAfterMs: number;
  readonly outcome: RenewalOutcome;
  readonly joined: boolean;
  readonly offer: HandshakeOffer | undefined;
  readonly path: PathSeen | undefined;
}

export type TileAction =
  | { readonly kind: "call"; readonly call: TileCall }
  /** Whatever it is answered no longer matters. */
  | { readonly kind: "give_up"; readonly callId: number }
  | { readonly kind: "release"; readonly controllerToken: string }
  | { readonly kind: "relay"; readonly relay: Relay }
  | { readonly kind: "emit"; readonly event: TileLeaseEvent };

export interface TileContext {
  readonly policy: TilePolicy;
  readonly now: Moment;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface TileStep {
  readonly memory: TileMemory;
  readonly actions: readonly TileAction[];
}

/** A tile that has no lease yet and asks for one at once. */
export function newTile(isHidden: boolean, now: Moment): TileMemory {
  return {
    state: { kind: "acquiring" },
    isHidden,
    hasLeft: false,
    call: undefined,
    lease: undefined,
    dueAt: now,
    failures: 0,
    path: nothingSeen,
    relayed: "",
    calls: 0,
  };
}

export function quiet(memory: TileMemory): TileStep {
  return { memory, actions: [] };
}

export function emitting(memory: TileMemory, event: TileLeaseEvent): TileStep {
  return { memory, actions: [{ kind: "emit", event }] };
}

/** Goes on from a step; the actions of both are taken in order. */
export function followUp(step: TileStep, next: (memory: TileMemory) => TileStep): TileStep {
  const { memory, actions } = next(step.memory);
  return { memory, actions: [...step.actions, ...actions] };
}

/** The lease may be used: it has not ended as far as anybody can tell. */
export function leaseInUse(state: TileLeaseState): HeldLease | undefined {
  return state.kind === "held" || state.kind === "uncertain" ? state.lease : undefined;
}
