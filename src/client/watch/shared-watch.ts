import type { Transport } from "@connectrpc/connect";

import type { TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import type { Backoff } from "../calls/backoff.ts";
import { deliver, type OnTrouble, report } from "../calls/callback.ts";
import { type ClientClock, systemClock } from "../calls/clock.ts";
import { TransportWatcher, type WatchStatus } from "./transport-watcher.ts";

export interface SharedWatchOptions {
  readonly transport: Transport;
  /** Every session of this beach is watched, instead of those alone that somebody asks for. */
  readonly privateBeachId?: string;
  readonly onTrouble?: OnTrouble;
  readonly createBackoff?: () => Backoff;
  readonly clock?: ClientClock;
}

/** Receives what happens to one session, or to all that are watched. */
export interface WatchListener {
  readonly onState?: (state: TransportState) => unknown;
  /** The session has no state to show; on `unknown` the last one stands. */
  readonly onGone?: (sessionId: string, reason: string) => unknown;
  /** Each message of the stream, whatever it is about: a sign of life. */
  readonly onMessage?: () => unknown;
}

/** Those that ask at about the same time get one stream. */
const gatherMs = 20;
/** As many as one stream takes. */
const sessionsMax = 1_000;

/**
 * One watch stream for everybody on a page, whatever they watch: browsers have six connections to a
 * service over HTTP/1.1. It is up while somebody listens. A new session opens it anew, and what is
 * known already is not sent again.
 */
export class SharedWatch {
  readonly #options: SharedWatchOptions;
  readonly #clock: ClientClock;
  readonly #listeners = new Map<WatchListener, string | undefined>();
  readonly #statusListeners = new Set<() => void>();
  readonly #states = new Map<string, TransportState>();
  #watched: ReadonlySet<string> = new Set();
  #watcher: TransportWatcher | undefined;
  #status: WatchStatus = "stopped";
  #cancelGathering: (() => void) | undefined;

  constructor(options: SharedWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Watches one session, or listens to all that are watched. The last state is delivered at once. */
  listen(listener: WatchListener, sessionId?: string): () => void {
    this.#listeners.set(listener, sessionId);
    const known = sessionId === undefined ? [...this.#states.values()] : this.#stateOf(sessionId);
    for (const state of known) this.#notify("onState", () => listener.onState?.(state));
    if (!this.#isCovered(sessionId)) this.#gather();
    return () => {
      this.#listeners.delete(listener);
      if (!this.#isNeeded()) void this.stop();
    };
  }

  /** The last state of each session that was watched since the page was opened. */
  get states(): ReadonlyMap<string, TransportState> {
    return this.#states;
  }

  /** `connecting`: the states shown are the last ones that were received. */
  get status(): WatchStatus {
    return this.#status;
  }

  onStatus(listener: () => void): () => void {
    this.#statusListeners.add(listener);
    return () => void this.#statusListeners.delete(listener);
  }

  /** The machine woke up or is back on the network: a stream that broke is opened at once. */
  awake(): void {
    this.#watcher?.look();
    if (this.#status === "connecting") this.#watcher?.reopen();
  }

  /** Gives a stream up that has been silent for too long by either clock. */
  look(): void {
    this.#watcher?.look();
  }

  /** Ends the stream. Who listens after that opens another. */
  async stop(): Promise<void> {
    const watcher = this.#watcher;
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
    this.#watcher = undefined;
    this.#watched = new Set();
    this.#become("stopped");
    await watcher?.stop();
  }

  #stateOf(sessionId: string): readonly TransportState[] {
    const state = this.#states.get(sessionId);
    return state === undefined ? [] : [state];
  }

  #isNeeded(): boolean {
    const asked = [...this.#listeners.values()];
    return this.#options.privateBeachId === undefined
      ? asked.some((sessionId) => sessionId !== undefined)
      : asked.length > 0;
  }

  #isCovered(sessionId: string | undefined): boolean {
    if (this.#watcher === undefined) return !this.#isNeeded();
    if (this.#options.privateBeachId !== undefined || sessionId === undefined) return true;
    return this.#watched.has(sessionId);
  }

  #gather(): void {
    this.#cancelGathering ??= this.#clock.startTimer(() => {
      this.#cancelGathering = undefined;
      if (this.#watcher === undefined) this.#start();
      else this.#watcher.reopen();
    }, gatherMs);
  }

  #start(): void {
    const { transport, privateBeachId, onTrouble, createBackoff } = this.#options;
    const isCurrent = (): boolean => this.#watcher === watcher;
    const watcher = new TransportWatcher({
      transport,
      watched: () => (privateBeachId === undefined ? this.#sessions() : { privateBeachId }),
      known: [...this.#states.values()],
      onState: (state) => {
        if (isCurrent()) this.#takeState(state);
      },
      onGone: (sessionId, reason) => {
        if (isCurrent()) this.#takeGone(sessionId, reason);
      },
      onMessage: () => {
        if (isCurrent()) this.#each((listener) => listener.onMessage?.());
      },
      onStatus: (status) => {
        if (isCurrent()) this.#become(status);
      },
      clock: this.#clock,
      ...(onTrouble && { onTrouble }),
      ...(createBackoff && { backoff: createBackoff() }),
    });
    this.#watcher = watcher;
    this.#become("connecting");
    watcher.start();
  }

  #sessions(): { readonly sessionIds: readonly string[] } {
    const asked = new Set([...this.#listeners.values()].filter((id) => id !== undefined));
    const sessionIds = [...asked].slice(0, sessionsMax);
    this.#watched = new Set(sessionIds);
    if (asked.size > sessionsMax) report(tooMany(asked.size), this.#options.onTrouble);
    return { sessionIds };
  }

  #takeState(state: TransportState): void {
    this.#states.set(state.sessionId, state);
    this.#each((listener, sessionId) => {
      if (sessionId === undefined || sessionId === state.sessionId) listener.onState?.(state);
    });
  }

  #takeGone(goneId: string, reason: string): void {
    if (reason !== "unknown") this.#states.delete(goneId);
    this.#each((listener, sessionId) => {
      if (sessionId === undefined || sessionId === goneId) listener.onGone?.(goneId, reason);
    });
  }

  #become(status: WatchStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    for (const listener of [...this.#statusListeners]) this.#notify("onStatus", listener);
  }

  /** Whoever fails harms nobody else. */
  #each(call: (listener: WatchListener, sessionId: string | undefined) => unknown): void {
    for (const [listener, sessionId] of [...this.#listeners]) {
      this.#notify("listen", () => call(listener, sessionId));
    }
  }

  #notify(name: string, call: () => unknown): void {
    deliver(name, call, this.#options.onTrouble);
  }
}

function tooMany(sessions: number): Error {
  return new RangeError(
    `a watch takes ${sessionsMax} sessions, and the page has ${sessions}: the others are renewed but ` +
      "not watched. Give the client privateBeachId to watch every session of a private beach",
  );
}
