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

export interface TransportWatcherOptions {
  readonly transport: Transport;
  /** These sessions, or every one of a private beach. */
  readonly watched:
    | { readonly sessionIds: readonly string[] }
    | { readonly privateBeachId: string };
  /** HOST: offers count as delivered to this reader. Unset: an onlooker. */
  readonly reader?: TransportEnd;
  readonly onState: (state: TransportState) => void;
  /** A session has no state to show; on `unknown` a reader keeps its last word. */
  readonly onGone?: (sessionId: string, reason: string) => void;
  /** The stream ended or could not be opened; the watcher goes on by itself. */
  readonly onTrouble?: (error: unknown) => void;
  /** How long a new stream may say nothing at all before it is given up. */
  readonly firstWordMs?: number;
  readonly backoff?: Backoff;
}

const knownVersionsMax = 10_000;
const firstWordMsDefault = 5_000;

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
      const pauseMs = await this.#followOnce();
      await sleep(pauseMs ?? this.#backoff.nextMs(), signal);
    }
  }

  /** Reads one stream to its end; answers after how long to reconnect, if the server said so. */
  async #followOnce(): Promise<number | undefined> {
    const silence = watchSilence(this.#options.firstWordMs ?? firstWordMsDefault);
    const signal = AbortSignal.any([this.#stop.signal, silence.signal]);
    try {
      for await (const message of this.#client.watchTransport(this.#request(), { signal })) {
        silence.heard();
        this.#backoff.reset();
        const reconnectMs = this.#take(message, silence);
        if (reconnectMs !== undefined) return reconnectMs;
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.onTrouble?.(error);
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

  #take(message: WatchTransportResponse, silence: Watchdog): number | undefined {
    const { event } = message;
    switch (event.case) {
      case "state":
        this.#known.set(event.value.sessionId, event.value.version);
        this.#options.onState(event.value);
        return undefined;
      case "gone":
        this.#known.delete(event.value.sessionId);
        this.#options.onGone?.(event.value.sessionId, event.value.reason);
        return undefined;
      case "bookmark":
        if (event.value.repeatsEvery !== undefined) {
          silence.allow(2 * durationMs(event.value.repeatsEvery));
        }
        return undefined;
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
}

/** Aborts its signal when nothing was heard for as long as is allowed. */
interface Watchdog {
  readonly signal: AbortSignal;
  heard(): void;
  allow(durationMs: number): void;
  end(): void;
}

function watchSilence(firstWordMs: number): Watchdog {
  const controller = new AbortController();
  let allowedMs = firstWordMs;
  const bark = (): void => {
    controller.abort(new Error(`the watch was silent for ${allowedMs} ms`));
  };
  let timer = setTimeout(bark, allowedMs);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(bark, allowedMs);
  };
  return {
    signal: controller.signal,
    heard,
    allow: (durationMs) => {
      allowedMs = durationMs;
      heard();
    },
    end: () => clearTimeout(timer),
  };
}
