import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";

import { defaultBackoff } from "../calls/backoff.ts";
import { Bearers, bearerInterceptor, type GetBearer } from "../calls/bearer.ts";
import type { OnTrouble } from "../calls/callback.ts";
import { type ClientClock, systemClock } from "../calls/clock.ts";
import { randomId } from "../calls/random-id.ts";
import { SharedWatch } from "../watch/shared-watch.ts";
import { LeaseCalls } from "./lease-calls.ts";
import { browserPage, type PageEvent, type PageEvents } from "./page-events.ts";
import { TileLease, type TileLeaseOptions, type TileWorld } from "./tile-lease.ts";
import type { TilePolicy } from "./tile-memory.ts";

export type LeaseClientOptions = LeaseClientSettings & (BrowserReach | TransportReach);

/** Reaches the public door by `fetch`. */
export interface BrowserReach {
  /** Of the public door, such as `https://leases.example`. */
  readonly baseUrl: string;
  /** The bearer of whoever is signed in: asked for at first, and again when it is rejected. */
  readonly bearer?: GetBearer;
  readonly fetch?: typeof globalThis.fetch;
  readonly interceptors?: readonly Interceptor[];
}

/** Reaches the service over any transport of Connect. */
export interface TransportReach {
  readonly transport: Transport;
}

export interface LeaseClientSettings {
  /** Every session of this beach is watched, and not those of the tiles alone. */
  readonly privateBeachId?: string;
  /** Asked for while the page is shown; the service clamps it. 30 s unless set. */
  readonly ttlMs?: number;
  /** Asked for while the page is hidden; the service clamps it. 5 min unless set. */
  readonly hiddenTtlMs?: number;
  /** One call may take so long. 5 s unless set. */
  readonly callTimeoutMs?: number;
  /** The stream broke, or a callback failed (`CallbackError`); the client goes on by itself. */
  readonly onTrouble?: OnTrouble;
  readonly page?: PageEvents;
  readonly clock?: ClientClock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

const defaultPolicy: TilePolicy = {
  ttlMs: 30_000,
  hiddenTtlMs: 300_000,
  callTimeoutMs: 5_000,
  spreadMs: 1_000,
  backoff: { baseMs: 250, maxMs: 10_000, spread: 0.3 },
};

/** One for each page: its tiles share a watch stream and the bearer. */
export class LeaseClient implements AsyncDisposable {
  /** For other calls, such as those of `FastPathRegistry`: with the same bearer. */
  readonly transport: Transport;
  /** The one stream of this page, for whoever wants to see more than a tile. */
  readonly watch: SharedWatch;
  readonly #world: TileWorld;
  readonly #common: Pick<TileLeaseOptions, "onTrouble">;
  readonly #tiles = new Set<TileLease>();
  #endListening: (() => void) | undefined;

  /** Use {@link createLeaseClient}. */
  constructor(options: LeaseClientOptions) {
    const { privateBeachId, onTrouble, clock = systemClock, page = browserPage() } = options;
    const { transport, parting } = reachOf(options, clock);
    this.transport = transport;
    this.#common = onTrouble === undefined ? {} : { onTrouble };
    this.watch = new SharedWatch({
      transport,
      clock,
      ...this.#common,
      ...(privateBeachId !== undefined && { privateBeachId }),
    });
    this.#world = {
      calls: new LeaseCalls(transport, parting),
      watch: this.watch,
      page,
      clock,
      policy: policyOf(options),
      random: options.random ?? defaultBackoff.random,
      onEnd: (tile) => this.#tiles.delete(tile),
    };
  }

  /** Takes a lease on a session and keeps it until it is released. */
  hold(options: TileLeaseOptions): TileLease {
    const { sessionId, reason, privateBeachId, passcode, accountId } = options;
    const key = {
      sessionId,
      reason: reason ?? `tile:${randomId()}`,
      ...(privateBeachId !== undefined && { privateBeachId }),
      ...(passcode !== undefined && { passcode }),
      ...(accountId !== undefined && { accountId }),
    };
    const tile = new TileLease(key, { ...this.#common, ...options }, this.#world);
    this.#tiles.add(tile);
    this.#endListening ??= this.#world.page.listen((event) => this.#onPage(event));
    tile.start();
    return tile;
  }

  /** Releases every lease and ends the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#endListening?.();
    await Promise.all([...this.#tiles].map((tile) => tile.release()));
    await this.watch.stop();
  }

  #onPage(event: PageEvent): void {
    if (event === "awake" || event === "returned") this.watch.awake();
    else if (event === "visible") this.watch.look();
  }
}

/** Opens nothing yet: the first tile does. */
export function createLeaseClient(options: LeaseClientOptions): LeaseClient {
  return new LeaseClient(options);
}

function policyOf({ ttlMs, hiddenTtlMs, callTimeoutMs }: LeaseClientSettings): TilePolicy {
  return {
    ...defaultPolicy,
    ...(ttlMs !== undefined && { ttlMs }),
    ...(hiddenTtlMs !== undefined && { hiddenTtlMs }),
    ...(callTimeoutMs !== undefined && { callTimeoutMs }),
  };
}

/** `parting` goes on by itself when the page has gone away (Fetch, `keepalive`). */
function reachOf(
  options: LeaseClientOptions,
  clock: ClientClock,
): { readonly transport: Transport; readonly parting: Transport } {
  if ("transport" in options) return { transport: options.transport, parting: options.transport };
  const { baseUrl, bearer, fetch = globalThis.fetch, interceptors = [] } = options;
  const own = bearer === undefined ? [] : [bearerInterceptor(new Bearers(bearer, clock))];
  const common = { baseUrl, useBinaryFormat: true, interceptors: [...interceptors, ...own] };
  return {
    transport: createConnectTransport({ ...common, fetch }),
    parting: createConnectTransport({
      ...common,
      fetch: (input, init) => fetch(input, { ...init, keepalive: true }),
    }),
  };
}
