import type { Command, LeaseAnswer, NegotiationAnswer } from "../core/command.ts";
import type { SessionEvent } from "../core/event.ts";
import type { BeachId, SessionId } from "../core/ids.ts";
import type { Refreshed } from "../core/lease/decide-refresh.ts";
import type { Refusal } from "../core/refusal.ts";
import type { SessionRecord } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import { endedMisses, endedNegotiations } from "../core/transport/outcomes.ts";
import { nextOf } from "../core/view.ts";
import type { DeadlineLoop } from "./deadline-loop.ts";
import type { Asked, Decided } from "./decider.ts";
import type { Fleet } from "./fleet/fleet.ts";
import type { HandshakeDelivery } from "./handshake-delivery.ts";
import type { Outcome } from "./lease-service.ts";
import type { ServiceObserver } from "./service-events.ts";
import type { SessionChange } from "./session-store.ts";
import type { Clock } from "./time/clock.ts";

interface ConsequencesDeps {
  readonly clock: Clock;
  readonly observe: ServiceObserver;
  readonly fleet: Fleet;
  readonly deadlines: Pick<DeadlineLoop, "notice">;
  readonly delivery: Pick<HandshakeDelivery, "send" | "forget">;
}

/** What follows once a decision stands: it is counted, observed, delivered, and answered. */
export class Consequences {
  readonly #deps: ConsequencesDeps;

  constructor(deps: ConsequencesDeps) {
    this.#deps = deps;
  }

  /** What the caller is answered, once the decision's change is committed. */
  outcome<C extends Command>(call: Asked<C>, decided: Decided<C>): Outcome<C> {
    // Of a session that is not its own, a caller learns nothing.
    if ("refusal" in decided) {
      return { kind: "refused", session: undefined, refusal: decided.refusal };
    }
    const { decision, change } = decided;
    const { id, command } = call;
    const { session, events } = decision;
    if (change !== undefined) this.#committed(change, events);
    else if (events.length > 0) this.#deps.fleet.keep(id, session);
    if (command.kind === "PassTime") this.#noteLateness(events);
    if (decision.kind === "refused") return this.refused(call, session, decision.refusal);
    if (session === undefined && command.kind !== "PassTime") {
      throw new Error(`${command.kind} was accepted on nothing`);
    }
    if (command.kind === "Renegotiate") {
      this.#noteJoined(id, session, decision.answer as NegotiationAnswer);
    }
    if (command.kind === "Acquire" || command.kind === "Renew") {
      this.#noteRenewal(id, command.kind, session, decision.answer as LeaseAnswer);
    }
    return { kind: "accepted", session: session as SessionRecord, answer: decision.answer };
  }

  /** What renewals come to that moved an expiry each, and changed nothing else. */
  refreshed(renewals: readonly Refreshed[], now: EpochMs): void {
    const { fleet, observe } = this.#deps;
    if (renewals.length === 0) return;
    for (const [beachId, count] of countsByBeach(renewals)) {
      fleet.figures.noteRenewals(beachId, now, count);
    }
    observe({ kind: "refreshed", renewals });
  }

  refused<C extends Command>(
    { id: sessionId, command }: Asked<C>,
    session: SessionRecord | undefined,
    refusal: Refusal,
  ): Outcome<C> {
    const { reason } = refusal;
    this.#deps.observe({ kind: "refused", sessionId, command: command.kind, reason });
    return { kind: "refused", session, refusal };
  }

  #committed(change: SessionChange, events: readonly SessionEvent[]): void {
    const { id: sessionId, previous, next, deadline } = change;
    const { fleet, deadlines, delivery, observe } = this.#deps;
    deadlines.notice(deadline);
    const beachId = next?.beachId;
    for (const event of events) {
      if (event.kind === "SessionAttached") {
        fleet.populations.noteAttached(event.beachId, event.at);
      }
      if (event.kind === "HandshakeStarted" && beachId !== undefined) {
        fleet.figures.noteNegotiation(beachId, event.at);
      }
      observe({ kind: "happened", sessionId, event, previous, next });
      if (event.kind === "DeliveryDue") delivery.send(sessionId, event, next);
      if (event.kind === "HandshakeDelivered") delivery.forget(event.handshakeId);
    }
    if (change.durability === "durable") this.#noteOutcomes(change, events);
  }

  /** What came to its end with a change. */
  #noteOutcomes({ id: sessionId, previous }: SessionChange, events: readonly SessionEvent[]): void {
    const { observe, delivery } = this.#deps;
    for (const ended of endedNegotiations(previous, events)) {
      delivery.forget(ended.handshakeId);
      observe({ kind: "negotiated", sessionId, ...ended });
    }
    for (const ended of endedMisses(previous, events)) {
      observe({ kind: "missed", sessionId, ...ended });
    }
  }

  /** By the first deadline that had its effect. Taking up a gap is none. */
  #noteLateness(events: readonly SessionEvent[]): void {
    const first = events.find(
      ({ kind }) =>
        kind !== "GapTaken" && kind !== "IncarnationChanged" && kind !== "SessionTouched",
    );
    if (first === undefined) return;
    const { clock, observe } = this.#deps;
    observe({ kind: "due", lateMs: Math.max(0, clock.now() - first.at) });
  }

  #noteJoined(
    sessionId: SessionId,
    session: SessionRecord | undefined,
    negotiation: NegotiationAnswer,
  ): void {
    if (negotiation.outcome !== "renegotiate" || !negotiation.joined) return;
    const next = session?.kind === "attached" ? nextOf(session.transport.path) : undefined;
    if (next === undefined) return;
    const { id: handshakeId, reason } = next;
    this.#deps.observe({ kind: "joined", sessionId, handshakeId, reason });
  }

  #noteRenewal(
    sessionId: SessionId,
    command: "Acquire" | "Renew",
    session: SessionRecord | undefined,
    { negotiation }: LeaseAnswer,
  ): void {
    const { clock, fleet, observe } = this.#deps;
    if (session !== undefined) fleet.figures.noteRenewals(session.beachId, clock.now(), 1);
    const joined = negotiation.outcome === "renegotiate" && negotiation.joined;
    observe({ kind: "renewed", sessionId, command, outcome: negotiation.outcome, joined });
    if (joined) this.#noteJoined(sessionId, session, negotiation);
  }
}

function countsByBeach(renewals: readonly Refreshed[]): ReadonlyMap<BeachId, number> {
  const counts = new Map<BeachId, number>();
  for (const { session } of renewals) {
    counts.set(session.beachId, (counts.get(session.beachId) ?? 0) + 1);
  }
  return counts;
}
