import type { Transport } from "@connectrpc/connect";

import {
  type Negotiation,
  TransportEnd,
  type TransportState,
} from "../../gen/beach/controller/v1/transport_pb.js";
import type { Backoff } from "../calls/backoff.ts";
import { deliver, type OnTrouble } from "../calls/callback.ts";
import type { ClientClock } from "../calls/clock.ts";
import type { ReportedConnection, ReportedHandshake } from "../report/reported-connection.ts";
import { TransportReporter } from "../report/transport-reporter.ts";
import { TransportWatcher } from "../watch/transport-watcher.ts";
import { directPoller, type PollerDirective, standingWord } from "./poller-directive.ts";

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
  /**
   * The handshake is certainly replaced: close its connection. This is the only reason to close it.
   * With this the follower reports what it holds; a process that has several sessions gives them one
   * `reporter` instead.
   */
  readonly onRetired?: (handshake: ReportedHandshake) => unknown;
  /** Reports for all sessions of this process. It is started and stopped by whoever made it. */
  readonly reporter?: TransportReporter;
  readonly firstWordMs?: number;
  readonly backoff?: Backoff;
  readonly clock?: ClientClock;
}

const offersRemembered = 16;

/**
 * A host's reading of its session: which handshakes to build, and when its HTTP action poller may
 * rest.
 *
 * The poller is paused only while the last state says FAST_PATH *and* the host's own channel for
 * that very handshake is up. While the stream is down the last state stands; so it does beside one
 * of a lower generation, from a service that has forgotten, while that channel is up. Nothing here
 * closes a connection: only a verdict on a report does.
 */
export class HostFollower implements AsyncDisposable {
  readonly #options: HostFollowerOptions;
  readonly #reporter: TransportReporter | undefined;
  readonly #ownReporter: TransportReporter | undefined;
  readonly #watcher: TransportWatcher;
  readonly #channelsUp = new Set<string>();
  readonly #offered: string[] = [];
  #state: TransportState | undefined;
  /** The state that the poller goes by. */
  #word: TransportState | undefined;
  #paused = false;
  #stopped = false;

  constructor(options: HostFollowerOptions) {
    const { transport, onRetired, onTrouble, clock } = options;
    const common = { transport, ...(onTrouble && { onTrouble }), ...(clock && { clock }) };
    this.#options = options;
    this.#ownReporter =
      onRetired && new TransportReporter({ ...common, end: TransportEnd.HOST, onRetired });
    this.#reporter = options.reporter ?? this.#ownReporter;
    this.#watcher = new TransportWatcher({
      ...common,
      watched: { sessionIds: [options.sessionId] },
      reader: TransportEnd.HOST,
      onState: (state) => this.#take(state),
      onGone: (_, reason) => this.#forget(reason),
      ...(options.firstWordMs === undefined ? {} : { firstWordMs: options.firstWordMs }),
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    });
  }

  start(): void {
    this.#watcher.start();
    this.#ownReporter?.start();
  }

  /**
   * Stops following and reporting; resolves when no more states come. From now on nothing pauses the
   * poller, since nothing would let it run again. Connections that stay open become stale in time.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#watcher.stop(), this.#ownReporter?.stop()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** The last state from the service; undefined before the first. */
  get state(): TransportState | undefined {
    return this.#state;
  }

  /** Reports the connection that was built for an offer, instead of an earlier one for it. */
  hold(connection: ReportedConnection): void {
    this.#reporter?.hold(connection);
  }

  /** Something about a held connection is no longer as it was reported: it is reported at once. */
  changed(): void {
    this.#reporter?.changed();
  }

  /** The host's own action channel of a handshake came up, or went. */
  channelIs(handshakeId: string, up: boolean): void {
    if (up) this.#channelsUp.add(handshakeId);
    else this.#channelsUp.delete(handshakeId);
    this.#decidePoller();
    this.changed();
  }

  /** A failure of `onState` is left to the watcher, which does not count the state as received. */
  #take(state: TransportState): unknown {
    this.#state = state;
    this.#reporter?.know(state);
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
        this.#word = undefined;
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
    const isUp = (handshakeId: string): boolean => this.#channelsUp.has(handshakeId);
    this.#word = standingWord(this.#word, this.#state, isUp);
    const directive = directPoller(this.#word, isUp);
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
}
