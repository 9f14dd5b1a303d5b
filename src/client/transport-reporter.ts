import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";

import {
  FastPathRegistry,
  type ReportVerdict,
} from "../gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  ConnectionState,
  HandshakeStanding,
  type TransportEnd,
  type TransportReport,
  TransportReportSchema,
  type TransportState,
} from "../gen/beach/controller/v1/transport_pb.js";
import { type Backoff, createBackoff, sleep } from "./backoff.ts";
import {
  type ReportedConnection,
  type ReportedHandshake,
  toReport,
} from "./reported-connection.ts";

export interface TransportReporterOptions {
  /**
   * It has to leave a connection by itself on which nothing comes back, as by HTTP/2 pings: calls
   * alone would go on trying a replica that stands still.
   */
  readonly transport: Transport;
  /** Whose word this is: the manager's or a host's. */
  readonly end: TransportEnd;
  /** The handshake is replaced for certain: close its connection. Nothing else says so. */
  readonly onRetired: (handshake: ReportedHandshake) => void;
  /**
   * The service does not know the session: a manager attaches it again. Reports go on when the
   * promise settles; called again while the answer stays the same.
   */
  readonly onSessionUnknown?: (sessionId: string) => Promise<void>;
  readonly onVerdict?: (verdict: ReportVerdict, handshakeId: string) => void;
  /** A call failed; the same connections are reported again after a back-off. */
  readonly onTrouble?: (error: unknown) => void;
  /** The pace until the service chooses one. */
  readonly reportEveryMs?: number;
  readonly backoff?: Backoff;
}

const reportEveryMsDefault = 1_000;
const reportsPerMessageMax = 1_000;
const callTimeoutMs = 5_000;

/**
 * Tells the service, whole and numbered, what this process sees of its connections: at the pace
 * the service asks for, and at once on each change.
 *
 * A promoted handshake that this process holds no connection for is reported as such, so that a
 * restarted process is found out at once. One run of the process is one reporter. A closed
 * connection is reported until the service has heard it.
 */
export class TransportReporter {
  readonly reporterId: string = crypto.randomUUID();
  readonly #options: TransportReporterOptions;
  readonly #client: Client<typeof FastPathRegistry>;
  readonly #backoff: Backoff;
  readonly #held = new Map<string, ReportedConnection>();
  /** Promoted handshakes that this process holds no connection for, by session. */
  readonly #missing = new Map<string, ReportedHandshake>();
  /** Generations under which handshakes are known as promoted; bounded by the two maps above. */
  readonly #generations = new Map<string, bigint>();
  readonly #stop = new AbortController();
  #sequence = 0n;
  #pace: number;
  #wake = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: TransportReporterOptions) {
    this.#options = options;
    this.#client = createClient(FastPathRegistry, options.transport);
    this.#backoff = options.backoff ?? createBackoff();
    this.#pace = options.reportEveryMs ?? reportEveryMsDefault;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says nothing more. A connection that stays open goes stale at the service in time. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#running;
  }

  /** Reports this connection from now on, instead of an earlier one of the same handshake. */
  hold(connection: ReportedConnection): void {
    this.#held.set(keyOf(connection), connection);
    if (this.#missing.get(connection.sessionId)?.handshakeId === connection.handshakeId) {
      this.#missing.delete(connection.sessionId);
    }
    this.changed();
  }

  /** Something about a held connection is no longer as it was reported. */
  changed(): void {
    this.#wake.abort();
  }

  /** Takes note of what a state says is promoted, and says so if this process does not hold it. */
  know(state: TransportState): void {
    const { sessionId, handshakeId } = state;
    const missing = this.#missing.get(sessionId);
    if (missing !== undefined && missing.handshakeId !== handshakeId) {
      this.#missing.delete(sessionId);
    }
    if (handshakeId === "") return;
    const handshake = { sessionId, handshakeId };
    this.#generations.set(keyOf(handshake), state.generation);
    this.#miss(handshake);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      try {
        await this.#reportAll();
        this.#backoff.reset();
        await sleep(this.#pace, this.#wake.signal);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#options.onTrouble?.(error);
        await sleep(this.#backoff.nextMs(), this.#stop.signal);
      }
    }
  }

  async #reportAll(): Promise<void> {
    const connections = [...this.#held.values()];
    const missing = [...this.#missing.values()];
    const reports = [
      ...connections.map((connection) => this.#number(toReport(connection, connection.observe()))),
      ...missing.map((handshake) => this.#number(holdsNone(handshake))),
    ];
    const unknown = new Set<string>();
    for (let from = 0; from < reports.length; from += reportsPerMessageMax) {
      const batch = reports.slice(from, from + reportsPerMessageMax);
      const { verdicts, reportEvery } = await this.#client.reportTransport(
        { reports: batch },
        { timeoutMs: callTimeoutMs, signal: this.#stop.signal },
      );
      if (reportEvery !== undefined) this.#pace = durationMs(reportEvery);
      for (const [index, verdict] of verdicts.entries()) {
        const report = batch[index];
        if (report !== undefined) this.#take(report, verdict, unknown);
      }
    }
    this.#trimGenerations();
    if (unknown.size > 0) await this.#attachAgain(unknown);
  }

  #number(report: TransportReport): TransportReport {
    this.#sequence += 1n;
    return Object.assign(report, {
      end: this.#options.end,
      reporterId: this.reporterId,
      sequence: this.#sequence,
      generation: this.#generations.get(keyOf(report)) ?? 0n,
    });
  }

  #take(report: TransportReport, verdict: ReportVerdict, unknown: Set<string>): void {
    this.#options.onVerdict?.(verdict, report.handshakeId);
    if (verdict.standing === HandshakeStanding.RETIRED) this.#retire(report);
    else if (verdict.refusal === "") this.#heard(report, verdict);
    else if (verdict.refusal === "SESSION_UNKNOWN") unknown.add(report.sessionId);
  }

  #heard(report: TransportReport, verdict: ReportVerdict): void {
    if (verdict.standing === HandshakeStanding.PROMOTED) {
      this.#generations.set(keyOf(report), verdict.generation);
    } else if (report.transportId === "") {
      this.#missing.delete(report.sessionId);
    }
    if (report.connection === ConnectionState.CLOSED && report.transportId !== "") {
      this.#drop(report);
      if (verdict.standing === HandshakeStanding.PROMOTED) this.#miss(report);
    }
  }

  #retire(report: TransportReport): void {
    const { sessionId, handshakeId } = report;
    this.#held.delete(keyOf(report));
    if (this.#missing.get(sessionId)?.handshakeId === handshakeId) this.#missing.delete(sessionId);
    this.#options.onRetired({ sessionId, handshakeId });
  }

  /** Forgets a connection whose end was heard, unless another has taken its place meanwhile. */
  #drop(report: TransportReport): void {
    const held = this.#held.get(keyOf(report));
    if (held?.transportId === report.transportId) this.#held.delete(keyOf(report));
  }

  #miss(handshake: ReportedHandshake): void {
    const { sessionId, handshakeId } = handshake;
    if (this.#held.has(keyOf(handshake))) return;
    if (this.#missing.get(sessionId)?.handshakeId === handshakeId) return;
    this.#missing.set(sessionId, { sessionId, handshakeId });
    this.changed();
  }

  async #attachAgain(sessionIds: ReadonlySet<string>): Promise<void> {
    const attach = this.#options.onSessionUnknown;
    if (attach === undefined) return;
    const attached = await Promise.allSettled([...sessionIds].map((id) => attach(id)));
    const failed = attached.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    this.changed();
  }

  #trimGenerations(): void {
    const missing = new Set([...this.#missing.values()].map(keyOf));
    for (const key of this.#generations.keys()) {
      if (!this.#held.has(key) && !missing.has(key)) this.#generations.delete(key);
    }
  }
}

function holdsNone(handshake: ReportedHandshake): TransportReport {
  return create(TransportReportSchema, { ...handshake, connection: ConnectionState.CLOSED });
}

function keyOf(handshake: ReportedHandshake): string {
  return `${handshake.sessionId}/${handshake.handshakeId}`;
}
