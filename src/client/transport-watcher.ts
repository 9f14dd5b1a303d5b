import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";

import {
  ControllerLease,
  type WatchTransportRequestSchema,
  type WatchTransportResponse,
} from "../gen/beach/controller/v1/controller_lease_pb.js";
import type { TransportEnd, TransportState } from "../gen/beach/controller/v1/transport_pb.js";
import { type Backoff, createBackoff, sleep } from "./backoff.ts";
import { deliver, type OnTrouble, report } from "./callback.ts";
import { type SilenceWatchdog, watchSilence } from "./silence-watchdog.ts";

export interface TransportWatcherOptions {
  /** In Node, one of `createNodeTransport`: it closes a connection on which nothing comes back. */
  readonly transport: Transport;
  /** These sessions, or every one of a private beach. */
  readonly watched:
    | { readonly sessionIds: readonly string[] }
    | { readonly privateBeachId: string };
  /** HOST: offers count as delivered to this reader. Unset: an onlooker. */
  readonly reader?: TransportEnd;
  /**
   * Each state as it arrives. A state whose callback fails does not count as received: the next
   * stream delivers it again.
   */
  readonly onState: (state: TransportState) => unknown;
  /** A session has no state to show; on `unknown` a reader keeps its last state. */
  readonly onGone?: (sessionId: string, reason: string) => unknown;
  /**
   * The stream ended or could not be opened, or a callback failed (`CallbackError`); the watcher
   * continues by itself.
   */
  readonly onTrouble?: OnTrouble;
  /** How long a new stream may say nothing at all before it is given up. */
  readonly firstWordMs?: number;
  readonly backoff?: Backoff;
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
  readonly #backoff: Backoff;
  readonly #known = new Map<string, bigint>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: TransportWatcherOptions) {
    this.#options = options;
    this.#client = createClient(ControllerLease, options.transport);
    this.#backoff = options.backoff ?? createBackoff();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the stream; resolves when nothing more will be called. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const openedAt = performance.now();
      const askedPauseMs = await this.#followOnce();
      if (performance.now() - openedAt >= settledAfterMs) this.#backoff.reset();
      const pauseMs =
        askedPauseMs === undefined ? this.#backoff.nextMs() : Math.max(askedPauseMs, pauseMsMin);
      await sleep(pauseMs, signal);
    }
  }

  /** Reads one stream to its end. Returns after how long to reconnect, if the server said so. */
  async #followOnce(): Promise<number | undefined> {
    const silence = watchSilence(this.#options.firstWordMs ?? firstWordMsDefault);
    const signal = AbortSignal.any([this.#stop.signal, silence.signal]);
    try {
      for await (const message of this.#client.watchTransport(this.#request(), { signal })) {
        silence.received();
        const reconnectMs = this.#take(message, silence);
        if (reconnectMs !== undefined) return reconnectMs;
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) report(error, this.#options.onTrouble);
    } finally {
      silence.end();
    }
    return undefined;
  }

  #request(): MessageInitShape<typeof WatchTransportRequestSchema> {
    const { watched, reader } = this.#options;
    const newest = [...this.#known].slice(-knownVersionsMax);
    return {
      ...("sessionIds" in watched
        ? { sessionIds: [...watched.sessionIds] }
        : { privateBeachId: watched.privateBeachId }),
      knownVersions: Object.fromEntries(newest),
      ...(reader === undefined ? {} : { reader }),
    };
  }

  #take({ event }: WatchTransportResponse, silence: SilenceWatchdog): number | undefined {
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
