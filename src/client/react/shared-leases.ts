import type { TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import type { LeaseClient } from "../tile/lease-client.ts";
import type { TileLease, TileLeaseOptions } from "../tile/tile-lease.ts";
import type { HeldLease, TileLeaseState } from "../tile/tile-state.ts";

export type LeaseOptions = Omit<TileLeaseOptions, "onTrouble">;

/** What a component shows of a lease. A new object for each change. */
export interface ControllerLeaseView {
  /** `idle`: no session was named, or the component is not mounted yet. */
  readonly state: TileLeaseState | { readonly kind: "idle" };
  /** The lease, while it may be used. */
  readonly lease: HeldLease | undefined;
  /** The session's transport as it was last shown. */
  readonly transport: TransportState | undefined;
  /** Tries again at once: after a refusal or a revocation, or instead of waiting. */
  readonly retry: () => void;
}

export const idleView: ControllerLeaseView = {
  state: { kind: "idle" },
  lease: undefined,
  transport: undefined,
  retry: () => undefined,
};

interface Shared {
  readonly tile: TileLease;
  readonly relays: Set<() => LeaseOptions["onRelay"]>;
  users: number;
  view: ControllerLeaseView;
}

const byClient = new WeakMap<LeaseClient, SharedLeases>();

/** The leases that the components of a page hold: one for each key, however many show it. */
export class SharedLeases {
  readonly #client: LeaseClient;
  readonly #shared = new Map<string, Shared>();

  static of(client: LeaseClient): SharedLeases {
    const known = byClient.get(client);
    if (known !== undefined) return known;
    const leases = new SharedLeases(client);
    byClient.set(client, leases);
    return leases;
  }

  constructor(client: LeaseClient) {
    this.#client = client;
  }

  view(key: string): ControllerLeaseView {
    return this.#shared.get(key)?.view ?? idleView;
  }

  /** Holds the lease until the function returned is called by the last user. */
  use(
    key: string,
    options: LeaseOptions,
    onRelay: () => LeaseOptions["onRelay"],
    onChange: () => void,
  ): () => void {
    const shared = this.#shared.get(key) ?? this.#hold(key, options);
    shared.users += 1;
    shared.relays.add(onRelay);
    const unsubscribe = shared.tile.subscribe(onChange);
    return () => {
      unsubscribe();
      shared.relays.delete(onRelay);
      shared.users -= 1;
      // React unmounts and mounts again within one turn, as in strict mode: that is no release.
      queueMicrotask(() => this.#releaseUnused(key, shared));
    };
  }

  #hold(key: string, options: LeaseOptions): Shared {
    const relays: Shared["relays"] = new Set();
    const relay: LeaseOptions["onRelay"] = (what) => {
      const relay = [...relays].map((get) => get()).find((it) => it !== undefined);
      return relay?.(what);
    };
    const tile = this.#client.hold({ ...options, onRelay: relay });
    const shared: Shared = { tile, relays, users: 0, view: viewOf(tile) };
    this.#shared.set(key, shared);
    tile.subscribe(() => {
      shared.view = viewOf(tile);
    });
    return shared;
  }

  #releaseUnused(key: string, shared: Shared): void {
    if (shared.users > 0 || this.#shared.get(key) !== shared) return;
    this.#shared.delete(key);
    void shared.tile.release();
  }
}

function viewOf(tile: TileLease): ControllerLeaseView {
  const { state, lease, transport } = tile;
  return { state, lease, transport, retry: () => tile.retry() };
}
