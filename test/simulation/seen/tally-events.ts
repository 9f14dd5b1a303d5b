import type { SessionEvent } from "../../../src/core/event.ts";
import type { Refusal } from "../../../src/core/refusal.ts";
import type { ServiceEvent } from "../../../src/service/service-events.ts";
import type { Answered, Sight } from "./sight.ts";
import type { RenewRow, Tally } from "./tally.ts";

/** Counts the service's events. */
export function tallyServiceEvent(tally: Tally, event: ServiceEvent): void {
  if (event.kind === "refreshed") tally.add("event", "LeaseExtended", event.renewals.length);
  if (event.kind === "gap") tally.add("gap", event.gap.kind);
  if (event.kind !== "happened") return;
  tally.add("event", event.event.kind);
  tallyReason(tally, event.event);
}

/** Counts what clients were answered. */
export function tallySights(tally: Tally, sights: readonly Sight[]): void {
  for (const sight of sights) {
    if (sight.kind !== "answered") continue;
    const { ask, answer } = sight;
    if (answer.kind === "refused") tally.add("refusal", refusalWord(answer.refusal));
    if (answer.kind === "done" && answer.standing) tally.add("standing", answer.standing);
    if (answer.kind === "done" && answer.verdict) tally.add("standing", answer.verdict.standing);
    const row = ask.kind === "Renew" ? renewRowOf(sight) : undefined;
    if (row !== undefined) tally.add("Renew row", row);
  }
}

function tallyReason(tally: Tally, event: SessionEvent): void {
  switch (event.kind) {
    case "HandshakePromoted":
      tally.add("promotion reason", event.reason);
      tally.add("health reason", event.promoted.healthReason);
      break;
    case "HandshakeAbandoned":
      tally.add("abandonment reason", event.reason);
      break;
    case "HandshakeRetired":
      tally.add("retirement reason", event.reason);
      break;
    case "HandshakeStarted":
      tally.add("negotiation reason", event.handshake.reason);
      break;
    case "HealthChanged":
      tally.add("health reason", event.reason);
      break;
    case "NegotiationDelayed":
      tally.add("delay of", event.which);
      break;
    case "BackoffReset":
      tally.add("forgiveness of", event.which);
      break;
    case "LeaseEnded":
      tally.add("lease ended by", event.endedBy);
      break;
    case "SessionDetached":
      tally.add("detach reason", event.reason);
      break;
    default:
  }
}

function refusalWord(refusal: Refusal): string {
  switch (refusal.reason) {
    case "LEASE_NOT_LIVE":
      return `${refusal.reason} ${refusal.endedBy}`;
    case "TOO_MANY":
      return `${refusal.reason} ${refusal.what}`;
    default:
      return refusal.reason;
  }
}

function renewRowOf({ ask, answer }: Answered): RenewRow | undefined {
  if (ask.kind !== "Renew") return undefined;
  if (answer.kind === "refused") {
    return answer.refusal.reason === "LEASE_NOT_LIVE" ? "not live" : undefined;
  }
  const { negotiation, transport } = answer;
  if (ask.leaseOnly) return "lease only";
  if (negotiation?.outcome === "renegotiate") return negotiation.joined ? "joined" : "started";
  if (transport?.path !== "fast_path") return "has to wait";
  return transport.negotiation === undefined ? "usable" : "usable, replacement in flight";
}
