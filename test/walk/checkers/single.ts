import type { NegotiationAnswer } from "../../../src/core/command.ts";
import { type Change, sessionAtCommand, type Taken } from "../judging/taken.ts";

/** At most one negotiation in flight per session; later requests join it and are told so. */
export function checkSingle(taken: Taken, changes: readonly Change[]): readonly string[] {
  const faults = changes.flatMap(({ before, event }) => {
    if (event.kind !== "HandshakeStarted" || before?.kind !== "attached") return [];
    const { kind } = before.transport.path;
    const inFlight = kind === "negotiating" || kind === "replacing";
    return inFlight ? ["a second negotiation was started"] : [];
  });
  const answer = negotiationOf(taken);
  const was = sessionAtCommand(taken, changes);
  if (answer?.outcome !== "renegotiate" || was === undefined) return faults;
  const { path } = was.transport;
  const next = path.kind === "negotiating" || path.kind === "replacing" ? path.next : undefined;
  if (answer.joined !== (next !== undefined)) faults.push("the caller was told wrongly who began");
  if (next && answer.offer.id !== next.id) faults.push("the caller joined another negotiation");
  return faults;
}

/** What an answer says about negotiation; undefined when it says nothing. */
export function negotiationOf({ command, decision }: Taken): NegotiationAnswer | undefined {
  if (decision.kind !== "accepted") return undefined;
  switch (command.kind) {
    case "Renegotiate":
      return decision.answer as NegotiationAnswer;
    case "Acquire":
    case "Renew":
      return (decision.answer as { readonly negotiation: NegotiationAnswer }).negotiation;
    default:
      return undefined;
  }
}
