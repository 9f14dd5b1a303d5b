import type { Transport } from "@connectrpc/connect";

import {
  type Negotiation,
  TransportEnd,
  TransportPath,
  type TransportState,
} from "../gen/beach/controller/v1/transport_pb.js";
import type { Backoff } from "./backoff.ts";
import { deliver, type OnTrouble } from "./callback.ts";
import { TransportWatcher } from "./transport-watcher.ts";

/** What a host's HTTP action poller should do, and why. */
export type PollerDirective =
  | { readonly kind: "paused" }
  | {
      readonly kind: "running";
      readonly because: "manager_requires_http" | "fast_path_inactive";
    };

export interface HostFollowerOptions {
  /** In Node, one of `createNodeTransport`: it closes a connection on which nothing comes back. */
  readonly transport: Transport;
  readonly sessionId: string;
  /** A handshake to build a connection for: once for each, and again if the callback fails. */
  readonly onOffer: (offer: Negotiation) => unknown;
  /**
   * The poller runs until this says otherwise. Called on changes, and again if the callback fails.
   */
  readonly onPoller: (directive: PollerDirective) => unknown;
  /** Each state as it arrives. */
  readonly onState?: (state: TransportState) => unknown;
  /** The session is not known, or no longer; on `unknown` the last state stands. */
  readonly onGone?: (reason: string) => unknown;
  /** The stream ended, or a callback failed (`CallbackError`); the follower continues by itself. */
  readonly onTrouble?: OnTrouble;
  readonly firstWordMs?: number;
  readonly backoff?: Backoff;
}

const offersRemembered = 16;

/**
 * A host's reading of its session: which handshakes to build, and when its HTTP action poller may
 * rest.
 *
 * The poller is paused only while the last state says FAST_PATH *and* the host's own channel for
 * that very handshake is up. While the stream is down the last state stands. Nothing here closes a
 * connection: only a verdict on a report does.
 */
export class HostFollower {
  readonly #options: HostFollowerOptions;
  readonly #watcher: TransportWatcher;
  readonly #channelsUp = new Set<string>();
  readonly #offered: string[] = [];
  #state: TransportState | undefined;
  #paused = false;
  #stopped = false;

  constructor(options: HostFollowerOptions) {
    this.#options = options;
    this.#watcher = new TransportWatcher({
      transport: options.transport,
      watched: { sessionIds: [options.sessionId] },
      reader: TransportEnd.HOST,
      onState: (state) => this.#take(state),
      onGone: (_, reason) => this.#forget(reason),
      ...(options.onTrouble === undefined ? {} : { onTrouble: options.onTrouble }),
      ...(options.firstWordMs === undefined ? {} : { firstWordMs: options.firstWordMs }),
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    });
  }

  start(): void {
    this.#watcher.start();
  }

  /**
   * Ends the stream; resolves when no more states come. From now on nothing pauses the poller, since
   * nothing would let it run again.
   */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#watcher.stop();
  }

  /** The last state from the service; undefined before the first. */
  get state(): TransportState | undefined {
    return this.#state;
  }

  /** The host's own action channel of a handshake came up, or went. */
  channelIs(handshakeId: string, up: boolean): void {
    if (up) this.#channelsUp.add(handshakeId);
    else this.#channelsUp.delete(handshakeId);
    this.#decidePoller();
  }

  /** A failure of `onState` is left to the watcher, which does not count the state as received. */
  #take(state: TransportState): unknown {
    this.#state = state;
    try {
      return this.#options.onState?.(state);
    } finally {
      this.#decidePoller();
      if (state.negotiation !== undefined) this.#offer(state.negotiation);
    }
  }

  #forget(reason: string): unknown {
    try {
      return this.#options.onGone?.(reason);
    } finally {
      if (reason !== "unknown") {
        this.#state = undefined;
        this.#decidePoller();
      }
    }
  }

  #offer(negotiation: Negotiation): void {
    const { handshakeId } = negotiation;
    if (this.#offered.includes(handshakeId)) return;
    const { onOffer, onTrouble } = this.#options;
    this.#offered.push(handshakeId);
    if (this.#offered.length > offersRemembered) this.#offered.shift();
    deliver(
      "onOffer",
      () => onOffer(negotiation),
      onTrouble,
      () => {
        const at = this.#offered.indexOf(handshakeId);
        if (at >= 0) this.#offered.splice(at, 1);
      },
    );
  }

  #decidePoller(): void {
    const directive = this.#directive();
    const paused = directive.kind === "paused";
    if (paused === this.#paused || (paused && this.#stopped)) return;
    const { onPoller, onTrouble } = this.#options;
    this.#paused = paused;
    deliver(
      "onPoller",
      () => onPoller(directive),
      onTrouble,
      () => {
        if (this.#paused === paused) this.#paused = !paused;
      },
    );
  }

  #directive(): PollerDirective {
    if (this.#state?.path !== TransportPath.FAST_PATH) {
      return { kind: "running", because: "manager_requires_http" };
    }
    return this.#channelsUp.has(this.#state.handshakeId)
      ? { kind: "paused" }
      : { kind: "running", because: "fast_path_inactive" };
  }
}
