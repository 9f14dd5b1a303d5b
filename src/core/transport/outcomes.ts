import type { SessionEvent } from "../event.ts";
import { evolve } from "../evolve.ts";
import type { HandshakeId } from "../ids.ts";
import type { NegotiationReason, SessionRecord } from "../session.ts";
import type { EpochMs } from "../time.ts";
import { currentOf, nextOf } from "../view.ts";

/** How a negotiation ended. `outrun`: another handshake was promoted first. */
export interface EndedNegotiation {
  readonly handshakeId: HandshakeId;
  /** Why it had been started. */
  readonly reason: NegotiationReason;
  readonly outcome: "promoted" | "abandoned" | "outrun" | "detached";
}

/** A stretch in which somebody held a lease and no path was usable. */
export interface EndedMiss {
  /** There was none yet, or it had been lost. */
  readonly missing: "first" | "lost";
  /** `unheld`: nobody holds a lease any more, so nobody misses it. */
  readonly endedBy: "promoted" | "recovered" | "unheld";
  readonly from: EpochMs;
  readonly until: EpochMs;
}

/** The negotiations that ended with these events of one decision, in order. */
export function endedNegotiations(
  previous: SessionRecord | undefined,
  events: readonly SessionEvent[],
): readonly EndedNegotiation[] {
  const ended: EndedNegotiation[] = [];
  let next = previous?.kind === "attached" ? nextOf(previous.transport.path) : undefined;
  for (const event of events) {
    if (event.kind === "HandshakeStarted") next = event.handshake;
    const outcome = next && endOf(next.id, event);
    if (next === undefined || outcome === undefined) continue;
    ended.push({ handshakeId: next.id, reason: next.reason, outcome });
    next = undefined;
  }
  return ended;
}

function endOf(id: HandshakeId, event: SessionEvent): EndedNegotiation["outcome"] | undefined {
  switch (event.kind) {
    case "HandshakePromoted":
      return event.promoted.id === id ? "promoted" : undefined;
    case "HandshakeAbandoned":
      return event.handshakeId === id ? "abandoned" : undefined;
    case "HandshakeRetired":
      return event.handshakeId === id ? "outrun" : undefined;
    case "SessionDetached":
      return "detached";
    default:
      return undefined;
  }
}

/** The stretches without a usable path that ended with these events of one decision, in order. */
export function endedMisses(
  previous: SessionRecord | undefined,
  events: readonly SessionEvent[],
): readonly EndedMiss[] {
  // Nearly always there is one event, and nothing was missed before it.
  if (events.length === 1 && missedSinceOf(previous) === undefined) return [];
  if (!events.some(mayEndMiss)) return [];
  const ended: EndedMiss[] = [];
  let record = previous;
  for (const event of events) {
    const before = record;
    record = evolve(before, event, before?.id ?? "");
    const from = missedSinceOf(before);
    if (before?.kind !== "attached" || from === undefined) continue;
    if (missedSinceOf(record) === from) continue;
    const missing = currentOf(before.transport.path) === undefined ? "first" : "lost";
    ended.push({ missing, endedBy: endedBy(event), from, until: event.at });
  }
  return ended;
}

function missedSinceOf(record: SessionRecord | undefined): EpochMs | undefined {
  return record?.kind === "attached" ? record.missedSince : undefined;
}

function mayEndMiss({ kind }: SessionEvent): boolean {
  return kind === "HandshakePromoted" || kind === "HealthChanged" || kind === "LeaseEnded";
}

function endedBy({ kind }: SessionEvent): EndedMiss["endedBy"] {
  if (kind === "HandshakePromoted") return "promoted";
  return kind === "HealthChanged" ? "recovered" : "unheld";
}
