import type { SessionEvent } from "../core/event.ts";
import type { HandshakeId, SessionId } from "../core/ids.ts";
import type { Handshake, Lease, Session, SessionRecord } from "../core/session.ts";
import type { DurationMs, EpochMs } from "../core/time.ts";
import { nextOf } from "../core/view.ts";
import type { ControllerTokens } from "./lease-service.ts";
import type { DeliveryOutcome, ServiceObserver } from "./service-events.ts";

/** Brings handshakes to hosts that do not watch. */
export interface HandshakeCarrier {
  /**
   * Takes the message once; it may reach the host more than once. Never rejects, and resolves soon
   * after the signal aborts.
   */
  carry(message: HandshakeMessage, signal: AbortSignal): Promise<Carried>;
}

/** All that a host needs to act by a handshake, as of the moment at which it is sent. */
export interface HandshakeMessage {
  readonly session: Session;
  readonly handshake: Handshake;
  /** By whose token the host is to act. */
  readonly lease: Lease;
  readonly tokens: Pick<ControllerTokens, "of">;
  readonly toWall: (at: EpochMs) => EpochMs;
}

/** `error` names what went wrong, and none of what was sent. */
export type Carried =
  | { readonly outcome: "taken" | "unknown_session" }
  | { readonly outcome: "unavailable"; readonly error: Error };

/** The handshakes that are to be delivered: how many, and for how long the oldest has been. */
export interface Backlog {
  readonly queued: number;
  readonly oldestMs: DurationMs;
}

interface Queued {
  readonly since: EpochMs;
  /** It ends by itself then. */
  readonly until: EpochMs;
}

type DeliveryDue = Extract<SessionEvent, { kind: "DeliveryDue" }>;

interface HandshakeDeliveryDeps extends Pick<HandshakeMessage, "tokens" | "toWall"> {
  /** Without one, nothing is sent. */
  readonly carrier?: HandshakeCarrier | undefined;
  readonly observe: ServiceObserver;
  /** Notes on the record that a handshake needs no further message. */
  readonly confirm: (id: SessionId, handshakeId: HandshakeId) => Promise<unknown>;
  readonly closing: AbortSignal;
}

/** How many messages may be on their way at once; whatever is beyond is sent when it is next due. */
const onTheirWayMax = 256;

/**
 * Sends what the record says is due. The record is the outbox: what is lost here, with the process
 * or on the way, is due again at the moment that is on record.
 */
export class HandshakeDelivery {
  readonly #deps: HandshakeDeliveryDeps;
  readonly #onTheirWay = new Set<Promise<void>>();
  /** The handshakes that are to be delivered, and since when, the oldest first. */
  readonly #queued = new Map<HandshakeId, Queued>();

  constructor(deps: HandshakeDeliveryDeps) {
    this.#deps = deps;
  }

  /** Never throws, never waits. */
  send(id: SessionId, due: DeliveryDue, record: SessionRecord | undefined): void {
    const { carrier } = this.#deps;
    if (carrier === undefined) return;
    const message = this.#messageOf(due, record);
    this.#queue(due, message?.handshake);
    const isCrowded = this.#onTheirWay.size >= onTheirWayMax;
    if (message === undefined || isCrowded) {
      this.#observe(id, due, message === undefined ? "no_lease" : "crowded");
      return;
    }
    const sending = this.#sendBy(carrier, { id, due, message }).finally(() =>
      this.#onTheirWay.delete(sending),
    );
    this.#onTheirWay.add(sending);
  }

  /** The handshake needs no message any more. */
  forget(handshakeId: HandshakeId): void {
    this.#queued.delete(handshakeId);
  }

  /** What is to be delivered, as far as this process has to do with it; it takes few steps. */
  backlogAt(now: EpochMs): Backlog {
    // Another process may have seen the end of a negotiation.
    for (const [id, { until }] of this.#queued) if (until <= now) this.#queued.delete(id);
    const [oldest] = this.#queued.values();
    return { queued: this.#queued.size, oldestMs: oldest === undefined ? 0 : now - oldest.since };
  }

  /** Resolves when nothing is on its way any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#onTheirWay);
  }

  async #sendBy(
    carrier: HandshakeCarrier,
    { id, due, message }: { id: SessionId; due: DeliveryDue; message: HandshakeMessage },
  ): Promise<void> {
    const { confirm, observe, closing } = this.#deps;
    try {
      const carried = await carrier.carry(message, closing);
      this.#observe(id, due, carried.outcome, "error" in carried ? carried.error : undefined);
      if (carried.outcome === "taken") await confirm(id, due.handshakeId);
    } catch (error) {
      observe({ kind: "failed", where: "delivery", sessionId: id, error });
    }
  }

  #queue({ handshakeId, at: since }: DeliveryDue, handshake: Handshake | undefined): void {
    if (handshake === undefined || this.#queued.has(handshakeId)) return;
    this.#queued.set(handshakeId, { since, until: handshake.confirmBy });
  }

  #messageOf(
    { handshakeId, leaseId }: DeliveryDue,
    record: SessionRecord | undefined,
  ): HandshakeMessage | undefined {
    if (record?.kind !== "attached") return undefined;
    const handshake = nextOf(record.transport.path);
    const lease = record.leases.live.find(({ id }) => id === leaseId);
    if (handshake?.id !== handshakeId || lease === undefined) return undefined;
    const { tokens, toWall } = this.#deps;
    return { session: record, handshake, lease, tokens, toWall };
  }

  #observe(
    sessionId: SessionId,
    { handshakeId, tries }: DeliveryDue,
    outcome: DeliveryOutcome,
    error?: Error,
  ): void {
    const why = error === undefined ? {} : { error };
    this.#deps.observe({ kind: "delivery", sessionId, handshakeId, outcome, tries, ...why });
  }
}
