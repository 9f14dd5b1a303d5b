import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";

import {
  ControllerLease,
  type WatchTransportRequestSchema,
  type WatchTransportResponse,
} from "../../gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportEnd, TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import { type Backoff, createBackoff } from "../calls/backoff.ts";
import { deliver, type OnTrouble, report } from "../calls/callback.ts";
import { type ClientClock, sleep, systemClock } from "../calls/clock.ts";
import { type SilenceWatchdog, watchSilence } from "./silence-watchdog.ts";

/** These sessions, at most 1000, or every one of a private beach. */
export type Watched =
  | { readonly sessionIds: readonly string[] }
  | { readonly privateBeachId: string };

/** `synced`: the stream is up and has said all there was when it was opened. */
export type WatchStatus = "connecting" | "synced" | "stopped";

export interface TransportWatcherOptions {
  /** In Node, one of `createNodeTransport`: it closes a connection on which nothing comes back. */
  readonly transport: Transport;
  /** Asked anew for each stream where it is a function. */
  readonly watched: Watched | (() => Watched);
  /** States that the reader has from an earlier watcher: they are not sent again. */
  readonly known?: Iterable<TransportState>;
  /** HOST: offers count as delivered to this reader. Unset: an onlooker. */
  readonly reader?: TransportEnd;
  /**
   * Each state as it arrives. A state whose callback fails does not count as received: the next
   * stream delivers it again.
   */
  readonly onState: (state: TransportState) => unknown;
  /** A session has no state to show; on `unknown` a reader keeps its last state. */
  readonly onGone?: (sessionId: string, reason: string) => unknown;
  /** Each message, of whatever kind: a sign of life, also where timers are held back. */
  readonly onMessage?: () => unknown;
  readonly onStatus?: (status: WatchStatus) => unknown;
  /**
   * The stream ended or could not be opened, or a callback failed (`CallbackError`); the watcher
   * continues by itself.
   */
  readonly onTrouble?: OnTrouble;
  /** How long a new stream may say nothing at all before it is given up. */
  readonly firstWordMs?: number;
  readonly backoff?: Backoff;
  readonly clock?: ClientClock;
}

const knownVersionsMax = 10_000;
const firstWordMsDefault = 5_000;
/** A stream that lived for less than this failed, whatever it delivered before. */
const settledAfterMs = 10_000;
/** However soon the service wants the next stream, there is a pause before it. */
const pauseMsMin = 100;

/**
 * Follows transport truth over one stream at a time, for as long as it is started.
 *
 * While the stream is down the last states stand. A stream is opened anew, with the versions that
 * are known, after a back-off; after the delay that Draining names; and when it was silent for
 * twice its `repeats_every`.
 */
export class TransportWatcher {
  readonly #options: TransportWatcherOptions;
  readonly #client: Client<typeof ControllerLease>;
  readonly #clock: ClientClock;
  readonly #backoff: Backoff;
  readonly #known = new Map<string, bigint>();
  readonly #stop = new AbortController();
  #silence: SilenceWatchdog | undefined;
  #reopening = new AbortController();
  #status: WatchStatus = "connecting";
  #running: Promise<void> | undefined;

  constructor(options: TransportWatcherOptions) {
    this.#options = options;
    this.#client = createClient(ControllerLease, options.transport);
    for (const { sessionId, version } of options.known ?? []) this.#known.set(sessionId, version);
    this.#clock = options.clock ?? systemClock;
    this.#backoff = options.backoff ?? createBackoff();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the stream; resolves when nothing more will be called. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#become("stopped");
  }

  /** While it is `synced`, no change is missing but what the last `repeats_every` may hide. */
  get status(): WatchStatus {
    return this.#status;
  }

  /** Opens another stream instead of this one, or at once instead of after the back-off. */
  reopen(): void {
    this.#reopening.abort();
  }

  /** Gives a stream up that was silent for too long by either clock, as after the machine slept. */
  look(): void {
    this.#silence?.look();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const openedAt = this.#clock.monotonicMs();
      const askedPauseMs = await this.#followOnce();
      if (this.#clock.monotonicMs() - openedAt >= settledAfterMs) this.#backoff.reset();
      const pauseMs =
        askedPauseMs === undefined ? this.#backoff.nextMs() : Math.max(askedPauseMs, pauseMsMin);
      await this.#pause(pauseMs);
    }
  }

  /** However often another stream is asked for, there is a pause before it. */
  async #pause(pauseMs: number): Promise<void> {
    const { signal } = this.#stop;
    const asked = AbortSignal.any([signal, this.#reopening.signal]);
    await sleep(Math.min(pauseMs, pauseMsMin), signal, this.#clock);
    await sleep(pauseMs - pauseMsMin, asked, this.#clock);
    this.#reopening = new AbortController();
  }

  /** Reads one stream to its end. Returns after how long to reconnect, if the server said so. */
  async #followOnce(): Promise<number | undefined> {
    const silence = watchSilence(this.#options.firstWordMs ?? firstWordMsDefault, this.#clock);
    const reopening = this.#reopening.signal;
    const signal = AbortSignal.any([this.#stop.signal, silence.signal, reopening]);
    this.#silence = silence;
    try {
      for await (const message of this.#client.watchTransport(this.#request(), { signal })) {
        silence.received();
        if (reopening.aborted) break;
        const reconnectMs = this.#take(message, silence);
        if (reconnectMs !== undefined) return reconnectMs;
      }
    } catch (error) {
      const isAsked = this.#stop.signal.aborted || reopening.aborted;
      if (!isAsked) report(error, this.#options.onTrouble);
    } finally {
      silence.end();
      this.#become("connecting");
    }
    return reopening.aborted ? 0 : undefined;
  }

  #request(): MessageInitShape<typeof WatchTransportRequestSchema> {
    const { reader } = this.#options;
    const watched =
      typeof this.#options.watched === "function" ? this.#options.watched() : this.#options.watched;
    const newest = [...this.#known].slice(-knownVersionsMax);
    return {
      ...("sessionIds" in watched
        ? { sessionIds: [...watched.sessionIds] }
        : { privateBeachId: watched.privateBeachId }),
      knownVersions: Object.fromEntries(newest),
      ...(reader === undefined ? {} : { reader }),
    };
  }

  #become(status: WatchStatus): void {
    if (status === this.#status) return;
    const { onStatus, onTrouble } = this.#options;
    this.#status = status;
    if (onStatus !== undefined) deliver("onStatus", () => onStatus(status), onTrouble);
  }

  #take(message: WatchTransportResponse, silence: SilenceWatchdog): number | undefined {
    const reconnectMs = this.#read(message, silence);
    const { onMessage, onTrouble } = this.#options;
    if (onMessage !== undefined) deliver("onMessage", onMessage, onTrouble);
    return reconnectMs;
  }

  #read({ event }: WatchTransportResponse, silence: SilenceWatchdog): number | undefined {
    switch (event.case) {
      case "state":
        this.#deliverState(event.value);
        return undefined;
      case "gone":
        this.#deliverGone(event.value.sessionId, event.value.reason);
        return undefined;
      case "bookmark": {
        const { repeatsEvery } = event.value;
        const repeatsEveryMs = repeatsEvery === undefined ? 0 : durationMs(repeatsEvery);
        if (repeatsEveryMs > 0) silence.allow(2 * repeatsEveryMs);
        this.#become("synced");
        return undefined;
      }
      case "draining":
        return event.value.reconnectAfter === undefined
          ? undefined
          : durationMs(event.value.reconnectAfter);
      case "bearerExpiring":
        // The transport's interceptor reads the bearer afresh for the next stream.
        return 0;
      case undefined:
        return undefined;
    }
  }

  /** A version counts as known once its callback has returned, and not if that fails later on. */
  #deliverState(state: TransportState): void {
    const { onState, onTrouble } = this.#options;
    const { sessionId, version } = state;
    const forget = (): void => {
      if (this.#known.get(sessionId) === version) this.#known.delete(sessionId);
    };
    const isDelivered = deliver("onState", () => onState(state), onTrouble, forget);
    if (isDelivered) this.#known.set(sessionId, version);
  }

  #deliverGone(sessionId: string, reason: string): void {
    const { onGone, onTrouble } = this.#options;
    const known = this.#known.get(sessionId);
    const restore = (): void => {
      if (known !== undefined && !this.#known.has(sessionId)) this.#known.set(sessionId, known);
    };
    this.#known.delete(sessionId);
    deliver("onGone", () => onGone?.(sessionId, reason), onTrouble, restore);
  }
}
