import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Client, createClient, type Transport } from "@connectrpc/connect";

import {
  FastPathRegistry,
  type ReportVerdict,
} from "../../gen/beach/controller/v1/fast_path_registry_pb.js";
import {
  ConnectionState,
  HandshakeStanding,
  type TransportEnd,
  type TransportReport,
  TransportReportSchema,
  type TransportState,
} from "../../gen/beach/controller/v1/transport_pb.js";
import { type Backoff, createBackoff } from "../calls/backoff.ts";
import { CallbackError, deliver, type OnTrouble, report } from "../calls/callback.ts";
import { type ClientClock, sleep, systemClock } from "../calls/clock.ts";
import { randomId } from "../calls/random-id.ts";
import {
  type ReportedConnection,
  type ReportedHandshake,
  toReport,
} from "./reported-connection.ts";
import { type AttachSession, SessionAttacher } from "./session-attacher.ts";

export interface TransportReporterOptions {
  /** In Node, one of `createNodeTransport`: it closes a connection on which nothing comes back. */
  readonly transport: Transport;
  /** The reporting end: the manager or a host. */
  readonly end: TransportEnd;
  /**
   * The handshake is certainly replaced: close its connection. This is the only reason to close it.
   * Called again after the next report if it fails.
   */
  readonly onRetired: (handshake: ReportedHandshake) => unknown;
  /**
   * The service does not know the session: a manager attaches it again. Other sessions are reported
   * meanwhile. Called again, after a back-off, while the service still does not know the session,
   * also when the promise has resolved, or has not settled within 10 s: then the signal aborts.
   */
  readonly onSessionUnknown?: AttachSession;
  readonly onVerdict?: (verdict: ReportVerdict, handshakeId: string) => unknown;
  /**
   * A call failed, and the same connections are reported again: after a back-off if all calls of
   * the round failed. Or a callback failed (`CallbackError`).
   */
  readonly onTrouble?: OnTrouble;
  /** The pace until the service chooses one. */
  readonly reportEveryMs?: number;
  readonly backoff?: Backoff;
  /** For attaching one session again. */
  readonly createAttachBackoff?: () => Backoff;
  /** How long one call may take. */
  readonly callTimeoutMs?: number;
  readonly clock?: ClientClock;
}

const reportEveryMsDefault = 1_000;
/** Rounds begin no more often than this, whatever changes and whatever pace the service asks for. */
const roundEveryMsMin = 50;
/** As many of the longest reports are well below the size of a message that the service takes. */
const reportsPerMessageMax = 400;
/** Messages of one round that are under way at once. */
const messagesAtOnceMax = 4;
const callTimeoutMsDefault = 5_000;

/** What there is to report about one session, as it is when asked. */
type Observe = () => TransportReport | undefined;

/**
 * Reports the connections of this process to the service, whole and numbered: at the pace that the
 * service asks for, and at once on each change.
 *
 * A promoted handshake that this process holds no connection for is reported as such, so that a
 * restart is noticed at once. One run of the process is one reporter. A closed connection is
 * reported until the service has received it.
 */
export class TransportReporter {
  readonly reporterId: string = randomId();
  readonly #options: TransportReporterOptions;
  readonly #client: Client<typeof FastPathRegistry>;
  readonly #clock: ClientClock;
  readonly #backoff: Backoff;
  readonly #attacher: SessionAttacher | undefined;
  readonly #held = new Map<string, ReportedConnection>();
  /** Promoted handshakes that this process holds no connection for, by session. */
  readonly #missing = new Map<string, ReportedHandshake>();
  /** The greatest under which handshakes were promoted; bounded by the two maps above. */
  readonly #generations = new Map<string, bigint>();
  readonly #stop = new AbortController();
  #sequence = 0n;
  #pace: number;
  #wake = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: TransportReporterOptions) {
    this.#options = options;
    this.#client = createClient(FastPathRegistry, options.transport);
    this.#clock = options.clock ?? systemClock;
    this.#backoff = options.backoff ?? createBackoff();
    this.#pace = options.reportEveryMs ?? reportEveryMsDefault;
    const { onSessionUnknown: attach, onTrouble, createAttachBackoff } = options;
    this.#attacher =
      attach &&
      new SessionAttacher({
        attach,
        onAttached: () => this.changed(),
        onTrouble,
        clock: this.#clock,
        ...(createAttachBackoff && { createBackoff: createAttachBackoff }),
      });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops reporting. A connection that stays open becomes stale at the service in time. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    this.#attacher?.stop();
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
    this.#noteGeneration(handshake, state.generation);
    this.#miss(handshake);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const startedAt = this.#clock.monotonicMs();
      this.#wake = new AbortController();
      const { failures, sent } = await this.#reportAll();
      if (signal.aborted) return;
      for (const error of failures) report(error, this.#options.onTrouble);
      // A message that fails again and again does not keep the others from being sent.
      if (failures.length > 0 && sent === 0) {
        await sleep(this.#backoff.nextMs(), signal, this.#clock);
      } else {
        this.#backoff.reset();
        await sleep(this.#pace, this.#wake.signal, this.#clock);
        const restMs = startedAt + roundEveryMsMin - this.#clock.monotonicMs();
        await sleep(restMs, signal, this.#clock);
      }
    }
  }

  /** Reports everything once. A message that fails holds up no other. */
  async #reportAll(): Promise<{ readonly failures: readonly unknown[]; readonly sent: number }> {
    const messages = this.#messages().values();
    const failures: unknown[] = [];
    let sent = 0;
    const send = async (): Promise<void> => {
      for (const message of messages) {
        if (this.#stop.signal.aborted) return;
        try {
          await this.#send(message);
          sent += 1;
        } catch (error) {
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: messagesAtOnceMax }, send));
    this.#forgetOthers();
    return { failures, sent };
  }

  /**
   * What goes into each message of a round. All about one session is in one message: messages may
   * overtake each other, and the numbers of a reporter only rise.
   */
  #messages(): (readonly Observe[])[] {
    const bySession = new Map<string, Observe[]>();
    const add = (sessionId: string, observe: Observe): void => {
      const session = bySession.get(sessionId);
      if (session === undefined) bySession.set(sessionId, [observe]);
      else session.push(observe);
    };
    for (const held of this.#held.values()) add(held.sessionId, () => this.#observed(held));
    for (const missing of this.#missing.values()) {
      add(missing.sessionId, () => noConnection(missing));
    }
    const messages: Observe[][] = [];
    for (const observes of bySession.values()) {
      const last = messages.at(-1);
      if (last === undefined || last.length + observes.length > reportsPerMessageMax) {
        messages.push(observes);
      } else last.push(...observes);
    }
    return messages;
  }

  /** Observes when the message is sent, and not before: evidence is as fresh as it claims to be. */
  async #send(observes: readonly Observe[]): Promise<void> {
    const reports = observes
      .map((observe) => observe())
      .filter((observed) => observed !== undefined)
      .map((observed) => this.#number(observed));
    if (reports.length === 0) return;
    const { verdicts, reportEvery } = await this.#client.reportTransport(
      { reports },
      {
        timeoutMs: this.#options.callTimeoutMs ?? callTimeoutMsDefault,
        signal: this.#stop.signal,
      },
    );
    if (reportEvery !== undefined) this.#pace = durationMs(reportEvery);
    for (const [index, verdict] of verdicts.entries()) {
      const about = reports[index];
      if (about !== undefined) this.#take(about, verdict);
    }
  }

  #observed(connection: ReportedConnection): TransportReport | undefined {
    try {
      return toReport(connection, connection.observe());
    } catch (cause) {
      report(new CallbackError("observe", cause), this.#options.onTrouble);
      return undefined;
    }
  }

  #number(observed: TransportReport): TransportReport {
    this.#sequence += 1n;
    return Object.assign(observed, {
      end: this.#options.end,
      reporterId: this.reporterId,
      sequence: this.#sequence,
      generation: this.#generations.get(keyOf(observed)) ?? 0n,
    });
  }

  #take(about: TransportReport, verdict: ReportVerdict): void {
    const { onVerdict, onTrouble } = this.#options;
    deliver("onVerdict", () => onVerdict?.(verdict, about.handshakeId), onTrouble);
    if (verdict.standing === HandshakeStanding.RETIRED) this.#retire(about);
    else if (verdict.refusal === "") this.#received(about, verdict);
    else if (verdict.refusal === "SESSION_UNKNOWN") this.#attacher?.notKnown(about.sessionId);
  }

  #received(about: TransportReport, verdict: ReportVerdict): void {
    this.#attacher?.forget([about.sessionId]);
    if (verdict.standing === HandshakeStanding.PROMOTED) {
      this.#noteGeneration(about, verdict.generation);
    } else if (about.transportId === "") {
      this.#missing.delete(about.sessionId);
    }
    if (about.connection === ConnectionState.CLOSED && about.transportId !== "") {
      this.#drop(about);
      if (verdict.standing === HandshakeStanding.PROMOTED) this.#miss(about);
    }
  }

  /**
   * The greatest is kept: a service that has lost it names a lower one, and raises it on the next
   * report.
   */
  #noteGeneration(handshake: ReportedHandshake, generation: bigint): void {
    const key = keyOf(handshake);
    if (generation > (this.#generations.get(key) ?? 0n)) this.#generations.set(key, generation);
  }

  /** Unless the callback fails, what is retired is reported no more. */
  #retire(about: TransportReport): void {
    const { sessionId, handshakeId } = about;
    const { onRetired, onTrouble } = this.#options;
    const key = keyOf(about);
    const held = this.#held.get(key);
    const keep = (): void => {
      if (held !== undefined && !this.#held.has(key)) this.#held.set(key, held);
    };
    this.#held.delete(key);
    if (this.#missing.get(sessionId)?.handshakeId === handshakeId) this.#missing.delete(sessionId);
    this.#attacher?.forget([sessionId]);
    deliver("onRetired", () => onRetired({ sessionId, handshakeId }), onTrouble, keep);
  }

  /** Forgets a connection whose end was received, unless another has replaced it meanwhile. */
  #drop(about: TransportReport): void {
    const held = this.#held.get(keyOf(about));
    if (held?.transportId === about.transportId) this.#held.delete(keyOf(about));
  }

  #miss(handshake: ReportedHandshake): void {
    const { sessionId, handshakeId } = handshake;
    if (this.#held.has(keyOf(handshake))) return;
    if (this.#missing.get(sessionId)?.handshakeId === handshakeId) return;
    this.#missing.set(sessionId, { sessionId, handshakeId });
    this.changed();
  }

  /** What is kept about sessions and handshakes that are reported no more. */
  #forgetOthers(): void {
    const reported = [...this.#held.values(), ...this.#missing.values()];
    const handshakes = new Set(reported.map(keyOf));
    for (const key of this.#generations.keys()) {
      if (!handshakes.has(key)) this.#generations.delete(key);
    }
    const sessions = new Set(reported.map(({ sessionId }) => sessionId));
    const others = this.#attacher?.sessionIds.filter((id) => !sessions.has(id)) ?? [];
    this.#attacher?.forget(others);
  }
}

function noConnection(handshake: ReportedHandshake): TransportReport {
  return create(TransportReportSchema, { ...handshake, connection: ConnectionState.CLOSED });
}

function keyOf(handshake: ReportedHandshake): string {
  return `${handshake.sessionId}/${handshake.handshakeId}`;
}
