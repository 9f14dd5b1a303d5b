import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";

import type { KeepAliveResult } from "../../gen/beach/controller/v1/controller_lease_pb.js";
import {
  type AttachSessionRequestSchema,
  type CheckHandshakeResponse,
  FastPathRegistry,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import { TransportEnd, type TransportState } from "../../gen/beach/controller/v1/transport_pb.js";
import { type Backoff, createBackoff } from "../calls/backoff.ts";
import { callFailure } from "../calls/call-failure.ts";
import { type OnTrouble, report } from "../calls/callback.ts";
import { type ClientClock, sleep, systemClock } from "../calls/clock.ts";
import type { ReportedConnection, ReportedHandshake } from "../report/reported-connection.ts";
import { TransportReporter } from "../report/transport-reporter.ts";
import { TransportWatcher } from "../watch/transport-watcher.ts";
import { type LeaseCheck, LeaseChecks } from "./lease-checks.ts";
import { type KeptLease, LeaseKeeper } from "./lease-keeper.ts";
import { type Renewal, RenewalStream } from "./renewal-stream.ts";

export interface ManagerClientOptions {
  /** To the internal door: in Node, one of `createNodeTransport` with `grpc`. */
  readonly transport: Transport;
  /** The beach whose sessions this manager serves. */
  readonly privateBeachId: string;
  /** Each state of the beach's sessions as it arrives. */
  readonly onState?: (state: TransportState) => unknown;
  readonly onGone?: (sessionId: string, reason: string) => unknown;
  /** The handshake is certainly replaced: close its connection. The only reason to close it. */
  readonly onRetired: (handshake: ReportedHandshake) => unknown;
  /** Something failed that the client handles by itself, or a callback did (`CallbackError`). */
  readonly onTrouble?: OnTrouble;
  /** How long one call may take. */
  readonly callTimeoutMs?: number;
  readonly createBackoff?: () => Backoff;
  readonly clock?: ClientClock;
}

/** What a manager says of a session that it serves; its beach is the manager's. */
export type ServedSession = Omit<
  MessageInitShape<typeof AttachSessionRequestSchema>,
  "$typeName" | "privateBeachId"
> & { readonly sessionId: string };

const callTimeoutMsDefault = 5_000;
/** Refusals of an attach that no repetition changes. */
const lastingRefusals: readonly string[] = ["NOT_YOUR_BEACH", "FIELD_INVALID", "SCOPE_MISSING"];

/**
 * Beach Manager's side: attaches the sessions that it serves, and again when the service has lost
 * one; reports its connections; watches the beach; answers which token and which handshake counts.
 */
export class ManagerClient implements AsyncDisposable {
  readonly #options: ManagerClientOptions;
  readonly #clock: ClientClock;
  readonly #registry: Client<typeof FastPathRegistry>;
  readonly #served = new Map<string, ServedSession>();
  readonly #states = new Map<string, TransportState>();
  /** Sessions that the service says it does not know: their last state stands, but nothing more. */
  readonly #unknown = new Set<string>();
  readonly #reporter: TransportReporter;
  readonly #watcher: TransportWatcher;
  readonly #checks: LeaseChecks;
  readonly #renewals: RenewalStream;
  readonly #keeper: LeaseKeeper;
  readonly #stop = new AbortController();

  constructor(options: ManagerClientOptions) {
    const { transport, privateBeachId, onRetired, clock = systemClock } = options;
    const common = { transport, clock, ...(options.onTrouble && { onTrouble: options.onTrouble }) };
    this.#options = options;
    this.#clock = clock;
    this.#registry = createClient(FastPathRegistry, transport);
    this.#reporter = new TransportReporter({
      ...common,
      end: TransportEnd.MANAGER,
      onRetired,
      onSessionUnknown: (sessionId, signal) => this.#attachAgain(sessionId, signal),
      callTimeoutMs: this.#callTimeoutMs,
      backoff: this.#newBackoff(),
      createAttachBackoff: () => this.#newBackoff(),
    });
    this.#watcher = new TransportWatcher({
      ...common,
      watched: { privateBeachId },
      reader: TransportEnd.MANAGER,
      onState: (state) => this.#takeState(state),
      onGone: (sessionId, reason) => this.#takeGone(sessionId, reason),
      backoff: this.#newBackoff(),
    });
    this.#checks = new LeaseChecks({
      ask: (sessionId, controllerToken) =>
        this.#registry.checkLease({ sessionId, controllerToken }, this.#callOptions()),
      stateOf: (sessionId) =>
        this.#unknown.has(sessionId) ? undefined : this.#states.get(sessionId),
      isWatchCurrent: () => {
        this.#watcher.look();
        return this.#watcher.status === "synced";
      },
      clock,
    });
    this.#renewals = new RenewalStream({ ...common, answerMsMax: this.#callTimeoutMs });
    this.#keeper = new LeaseKeeper({ ...common, renew: (renewal) => this.renew(renewal) });
  }

  start(): void {
    this.#watcher.start();
    this.#reporter.start();
  }

  /** Stops reporting, watching and renewing. Connections that stay open become stale in time. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#keeper[Symbol.dispose]();
    await Promise.all([
      this.#watcher.stop(),
      this.#reporter.stop(),
      this.#renewals[Symbol.asyncDispose](),
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** The last state of a session; it stands while the service is away. */
  stateOf(sessionId: string): TransportState | undefined {
    return this.#states.get(sessionId);
  }

  /**
   * Makes a session known, and keeps it known: it is attached again when the service has lost it.
   * Resolves once it is attached; tries again until then, and rejects when that has no point.
   */
  async attach(session: ServedSession): Promise<void> {
    this.#served.set(session.sessionId, session);
    const { signal } = this.#stop;
    const backoff = this.#newBackoff();
    while (!signal.aborted) {
      try {
        return await this.#attachOnce(session);
      } catch (error) {
        if (lastingRefusals.includes(callFailure(error).reason)) throw error;
        report(error, this.#options.onTrouble);
        await sleep(backoff.nextMs(), signal, this.#clock);
      }
    }
    signal.throwIfAborted();
  }

  /** Forgets a session: ends its leases, its negotiation and its transport. */
  async detach(sessionId: string, reason: string): Promise<void> {
    this.#served.delete(sessionId);
    await this.#registry.detachSession({ sessionId, reason }, this.#callOptions());
  }

  /** Reports this connection from now on, instead of an earlier one of the same handshake. */
  hold(connection: ReportedConnection): void {
    this.#reporter.hold(connection);
  }

  /** Something about a held connection is no longer as it was reported: it is reported at once. */
  changed(): void {
    this.#reporter.changed();
  }

  /** May signalling for this handshake go on? Rejects when the service cannot be asked. */
  async checkHandshake(sessionId: string, handshakeId: string): Promise<CheckHandshakeResponse> {
    return await this.#registry.checkHandshake({ sessionId, handshakeId }, this.#callOptions());
  }

  /** May this token send actions now? Rejects when the service cannot be asked. */
  async checkLease(sessionId: string, controllerToken: string): Promise<LeaseCheck> {
    return await this.#checks.check(sessionId, controllerToken);
  }

  /** Renews a lease together with others, over one KeepAlive stream. A refusal is a result. */
  renew(renewal: Renewal): Promise<KeepAliveResult> {
    return this.#renewals.renew(renewal);
  }

  /** Renews a lease at once and whenever the service says, until it ends or is disposed. */
  keep(lease: KeptLease): Disposable {
    return this.#keeper.keep(lease);
  }

  get #callTimeoutMs(): number {
    return this.#options.callTimeoutMs ?? callTimeoutMsDefault;
  }

  #callOptions(signal = this.#stop.signal): { timeoutMs: number; signal: AbortSignal } {
    return { timeoutMs: this.#callTimeoutMs, signal };
  }

  #newBackoff(): Backoff {
    return (this.#options.createBackoff ?? createBackoff)();
  }

  async #attachOnce(session: ServedSession, signal?: AbortSignal): Promise<void> {
    const { privateBeachId } = this.#options;
    await this.#registry.attachSession({ ...session, privateBeachId }, this.#callOptions(signal));
  }

  /** A session that is not served, or no longer, stays unknown. */
  async #attachAgain(sessionId: string, signal: AbortSignal): Promise<void> {
    const session = this.#served.get(sessionId);
    if (session !== undefined) await this.#attachOnce(session, signal);
  }

  #takeState(state: TransportState): unknown {
    this.#states.set(state.sessionId, state);
    this.#unknown.delete(state.sessionId);
    this.#reporter.know(state);
    return this.#options.onState?.(state);
  }

  #takeGone(sessionId: string, reason: string): unknown {
    if (reason === "unknown") this.#unknown.add(sessionId);
    else this.#states.delete(sessionId);
    return this.#options.onGone?.(sessionId, reason);
  }
}
