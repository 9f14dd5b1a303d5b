import type { TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import { callFailure } from "../calls/call-failure.ts";
import { deliver, type OnTrouble } from "../calls/callback.ts";
import { type ClientClock, momentOf } from "../calls/clock.ts";
import type { SharedWatch } from "../watch/shared-watch.ts";
import type { LeaseCalls, TileKey } from "./lease-calls.ts";
import type { PageEvent, PageEvents } from "./page-events.ts";
import { pathSeen } from "./path-watch.ts";
import { decideTile, nextLookMs } from "./tile-decisions.ts";
import {
  leaseInUse,
  newTile,
  type TileAction,
  type TileCall,
  type TileInput,
  type TileMemory,
  type TilePolicy,
} from "./tile-memory.ts";
import type { HeldLease, Relay, TileLeaseEvent, TileLeaseState } from "./tile-state.ts";

export interface TileLeaseOptions {
  readonly sessionId: string;
  /**
   * What the lease is for: part of its key. Tiles that share a reason share a lease, and the first
   * one that is closed ends it. Unset: a reason of this tile's own.
   */
  readonly reason?: string;
  /** Of a session that this call makes known, where the bearer names none. */
  readonly privateBeachId?: string;
  /** Needed where the bearer alone has no standing on the session. */
  readonly passcode?: string;
  readonly accountId?: string;
  /**
   * Sends the host the control message `manager_handshake`: see `managerHandshake`. Called once for
   * each handshake that the service does not deliver itself, and again if the callback fails.
   */
  readonly onRelay?: (relay: Relay) => unknown;
  /** A callback failed (`CallbackError`). Failed calls are events. */
  readonly onTrouble?: OnTrouble;
}

/** What a tile lives in. */
export interface TileWorld {
  readonly calls: LeaseCalls;
  readonly watch: SharedWatch;
  readonly page: PageEvents;
  readonly clock: ClientClock;
  readonly policy: TilePolicy;
  readonly random: () => number;
  /** The tile was released by its owner. */
  readonly onEnd: (tile: TileLease) => void;
}

/**
 * Holds a controller lease on one session for as long as it is not released: acquires it, renews it
 * when the service says, and goes on through whatever happens to network, service and page.
 *
 * While renewals fail the lease is `uncertain`, and the fast path stays as it is. It is `lost` once
 * the service or a clock says that it ended, and is then acquired again, unless it was revoked.
 */
export class TileLease implements AsyncDisposable {
  readonly sessionId: string;
  readonly reason: string;
  readonly #key: TileKey;
  readonly #options: TileLeaseOptions;
  readonly #world: TileWorld;
  readonly #listeners = new Set<(event: TileLeaseEvent) => unknown>();
  readonly #underWay = new Map<number, AbortController>();
  readonly #ends: (() => void)[] = [];
  #memory: TileMemory;
  #transport: TransportState | undefined;
  #cancelLook: (() => void) | undefined;
  #isLeaving = false;
  #released: Promise<unknown> = Promise.resolve();

  /** Use {@link LeaseClient.hold}. */
  constructor(key: TileKey, options: TileLeaseOptions, world: TileWorld) {
    const { sessionId } = key;
    this.sessionId = sessionId;
    this.reason = key.reason;
    this.#key = key;
    this.#options = options;
    this.#world = world;
    this.#memory = newTile(world.page.isHidden, momentOf(world.clock));
  }

  /** Begins to hold; only once. */
  start(): void {
    const { page, watch } = this.#world;
    this.#ends.push(
      page.listen((event) => this.#onPage(event)),
      watch.listen(
        {
          onState: (state) => this.#see(state),
          onGone: (_, reason) => reason !== "unknown" && this.#take({ kind: "gone" }),
        },
        this.sessionId,
      ),
      watch.listen({ onMessage: () => this.#take({ kind: "look" }) }),
    );
    this.#take({ kind: "look" });
  }

  get state(): TileLeaseState {
    return this.#memory.state;
  }

  /** The lease, while it may be used: in the states `held` and `uncertain`. */
  get lease(): HeldLease | undefined {
    return leaseInUse(this.#memory.state);
  }

  /** The session's transport as it was last shown; it stands while the service is away. */
  get transport(): TransportState | undefined {
    return this.#transport;
  }

  /** Calls the listener with each event, after the state has changed. */
  subscribe(listener: (event: TileLeaseEvent) => unknown): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Resolves with the lease once there is one; rejects when nothing is being done to get one. */
  async held(signal?: AbortSignal): Promise<HeldLease> {
    const ends: (() => void)[] = [];
    const held = new Promise<HeldLease>((resolve, reject) => {
      const look = (): void => {
        const { state } = this.#memory;
        if (this.lease !== undefined) resolve(this.lease);
        else if (state.kind === "refused") reject(new Error(state.refusal.message));
        else if (state.kind === "released") reject(new Error("the lease was released"));
        else if (state.kind === "lost" && !state.isReacquiring) {
          reject(new Error(`the lease has ended: ${state.endedBy}`));
        }
      };
      const abort = (): void => reject(signal?.reason);
      ends.push(this.subscribe(look), () => signal?.removeEventListener("abort", abort));
      signal?.addEventListener("abort", abort);
      if (signal?.aborted) abort();
      else look();
    });
    return await held.finally(() => {
      for (const end of ends) end();
    });
  }

  /** Tries again at once: after a refusal, a revocation or a release, or instead of waiting. */
  retry(): void {
    this.#take({ kind: "retry" });
  }

  /** Gives the lease up. Resolves when the service knows, or cannot be reached: then it runs out. */
  async release(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    this.#world.onEnd(this);
    this.#take({ kind: "release" });
    await this.#released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #onPage(event: PageEvent): void {
    switch (event) {
      case "hidden":
      case "visible":
        this.#take({ kind: "visibility", isHidden: event === "hidden" });
        break;
      case "awake":
        this.#take({ kind: "awake" });
        break;
      case "leaving":
        this.#isLeaving = true;
        this.#take({ kind: "leave" });
        break;
      case "returned":
        this.#isLeaving = false;
        this.#take({ kind: "return" });
    }
  }

  #see(state: TransportState): void {
    this.#show(state);
    this.#take({ kind: "seen", path: pathSeen(state) });
  }

  /** The watch may have shown a later state than the answer to a call. */
  #isNews({ version }: TransportState): boolean {
    return version >= (this.#transport?.version ?? 0n);
  }

  #show(transport: TransportState): void {
    this.#transport = transport;
    this.#emit({ kind: "transport", transport });
  }

  #take(input: TileInput): void {
    const { clock, policy, random } = this.#world;
    const context = { policy, now: momentOf(clock), random };
    const { memory, actions } = decideTile(this.#memory, input, context);
    this.#memory = memory;
    this.#cancelLook?.();
    const lookMs = nextLookMs(memory, context.now);
    this.#cancelLook =
      lookMs === undefined
        ? undefined
        : clock.startTimer(() => this.#take({ kind: "look" }), lookMs);
    for (const action of actions) this.#act(action);
  }

  #act(action: TileAction): void {
    switch (action.kind) {
      case "call":
        void this.#call(action.call);
        break;
      case "give_up":
        this.#underWay.get(action.callId)?.abort();
        break;
      case "release":
        this.#released = this.#giveBack(action.controllerToken);
        break;
      case "relay":
        this.#relay(action.relay);
        break;
      case "emit":
        this.#emit(action.event);
    }
  }

  async #call(call: TileCall): Promise<void> {
    const callId = call.id;
    const givenUp = new AbortController();
    this.#underWay.set(callId, givenUp);
    try {
      const { grant, transport } = await this.#world.calls.call(this.#key, call, givenUp.signal);
      if (transport !== undefined && this.#isNews(transport)) this.#show(transport);
      this.#take({ kind: "granted", callId, grant });
    } catch (error) {
      this.#take({ kind: "failed", callId, failure: callFailure(error) });
    } finally {
      this.#underWay.delete(callId);
    }
  }

  async #giveBack(controllerToken: string): Promise<void> {
    try {
      await this.#world.calls.release(this.sessionId, controllerToken, this.#isLeaving);
    } catch {
      // Nobody renews it any more: it runs out.
    }
  }

  #relay(relay: Relay): void {
    const { onRelay, onTrouble } = this.#options;
    if (onRelay === undefined) return;
    const { handshakeId } = relay.offer;
    deliver(
      "onRelay",
      () => onRelay(relay),
      onTrouble,
      () => this.#take({ kind: "relay_failed", handshakeId }),
    );
  }

  #emit(event: TileLeaseEvent): void {
    for (const listener of [...this.#listeners]) {
      deliver("subscribe", () => listener(event), this.#options.onTrouble);
    }
  }
}
