import { type Change, sessionAtCommand, type Taken, usable } from "../judging/taken.ts";
import { negotiationOf } from "./single.ts";

/**
 * A fast path that is really dead is replaced: the next renewal after hard evidence (that is not
 * lease_only) starts a handshake, unless a recovery that failed just before is still backing off
 * or its manager has 50 in flight.
 */
export function checkGenuine(taken: Taken, changes: readonly Change[]): readonly string[] {
  const { command, context } = taken;
  const was = sessionAtCommand(taken, changes);
  const answer = negotiationOf(taken);
  if (was === undefined || answer === undefined) return [];
  const current = usable(was);
  const { path, recoveries, replacements, managerUrl } = was.transport;
  const inFlight = path.kind === "negotiating" || path.kind === "replacing";
  const backsOff = (current ? replacements : recoveries).notBefore > context.now;
  const busy = context.negotiationsInFlight(managerUrl) >= context.policy.negotiationsPerManagerMax;
  const started = changes.some(({ event }) => event.kind === "HandshakeStarted");
  const operator = command.kind === "Renegotiate" && command.reason === "operator";
  if (started && backsOff && !operator) return ["a negotiation began while another backs off"];
  const asks = command.kind === "Acquire" || (command.kind === "Renew" && !command.leaseOnly);
  if (!asks) return [];
  if (current) {
    const alone = answer.outcome === "refresh" && answer.retryAt === undefined;
    return alone ? [] : ["a usable fast path was not left alone"];
  }
  if (inFlight || (!backsOff && !busy)) {
    return answer.outcome === "renegotiate" ? [] : ["a dead fast path was only refreshed"];
  }
  if (answer.outcome !== "refresh") return ["a negotiation began before its time"];
  const isAnswered = !backsOff || answer.retryAt === recoveries.notBefore;
  return isAnswered ? [] : ["the caller was not told when to try again"];
}
