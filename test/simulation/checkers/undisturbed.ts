import type { Breach, Checker } from "../judging/checker.ts";
import {
  isInherited,
  mayBeDetached,
  type StateSighting,
  type StreamSeen,
  statesBySession,
  type Witness,
} from "../judging/witness.ts";
import type { Answered } from "../seen/sight.ts";

/**
 * While the fast path is usable, renewing changes no handshake id, generation, token or channel,
 * and notifies no host. Trouble of the service or of its store closes no transport.
 */
export const undisturbed: Checker = (witness) => [
  ...witness.answers.flatMap(renegotiatedAlthoughUsable),
  ...changedTokens(witness),
  ...statesBySession(witness).flatMap(startedAlthoughUsable),
  ...witness.streams.flatMap(sentWithoutNews),
  ...closedWithoutReplacement(witness),
];

function renegotiatedAlthoughUsable({ ask, answer, sessionId, serial }: Answered): Breach[] {
  if (answer.kind === "refused" || (ask.kind !== "Renew" && ask.kind !== "Acquire")) return [];
  if (answer.negotiation?.outcome !== "renegotiate") return [];
  const say = (text: string): Breach[] => [{ sessionId, serial, text: `${ask.kind} ${text}` }];
  if (answer.transport?.path === "fast_path") return say("renegotiated over a usable fast path");
  const isLeaseOnly = ask.kind === "Renew" && ask.leaseOnly;
  return isLeaseOnly ? say("renegotiated although only the lease was asked for") : [];
}

/** The token is the same across renewals and restarts, unless the key was lost. */
function changedTokens({ answers, tokenKeyLost }: Witness): Breach[] {
  const tokens = new Map<string, string>();
  const breaches: Breach[] = [];
  for (const { ask, answer, sessionId, serial } of tokenKeyLost ? [] : answers) {
    if (ask.kind !== "Acquire" || answer.kind === "refused" || !answer.lease) continue;
    const { id, token } = answer.lease;
    if (token === undefined) continue;
    const before = tokens.get(id) ?? token;
    if (before !== token) breaches.push({ sessionId, serial, text: `${id} has another token` });
    tokens.set(id, before);
  }
  return breaches;
}

/** Since its last change a state shows the path as that change left it. */
function startedAlthoughUsable(states: readonly StateSighting[]): Breach[] {
  return states.flatMap(({ state, sessionId, serial }) => {
    const { change, changeReason, path } = state;
    const isByRenewal = changeReason === "renewed" || changeReason === "acquired";
    if (change !== "negotiation_started" || !isByRenewal || path !== "fast_path") return [];
    return [{ sessionId, serial, text: "a renewal started a handshake over a usable fast path" }];
  });
}

/** A reader gets a state only when more than its version is new. */
function sentWithoutNews({ received }: StreamSeen): Breach[] {
  const shown = new Map<string, string>();
  return received.flatMap(({ message, serial }) => {
    if (message.kind === "gone") shown.delete(message.sessionId);
    if (message.kind !== "state") return [];
    const { sessionId, state, coalesced } = message;
    const content = JSON.stringify({ ...state, version: 0 });
    // When to negotiate next may have moved, and be over by the time that it is told.
    const maySayWhen = state.negotiation === undefined && state.lingering === undefined;
    const isNews = shown.get(sessionId) !== content || coalesced > 0 || maySayWhen;
    shown.set(sessionId, content);
    return isNews ? [] : [{ sessionId, serial, text: "a watcher was told what it knew already" }];
  });
}

/** An end is told to close its connection only once another handshake has taken its place. */
function closedWithoutReplacement(witness: Witness): Breach[] {
  const { answers, states } = witness;
  // Under the first generation: one that comes back after a detach or a loss has a later one.
  const promotedUnder = new Map<string, number>();
  for (const { era, sessionId, state } of states) {
    if (state.handshakeId === undefined) continue;
    const key = `${era} ${sessionId} ${state.handshakeId}`;
    promotedUnder.set(key, promotedUnder.get(key) ?? state.generation);
  }
  return answers.flatMap(({ ask, answer, sessionId, serial, era }) => {
    if (ask.kind !== "Report" || answer.kind === "refused" || !answer.verdict) return [];
    const { standing, generation } = answer.verdict;
    const under = promotedUnder.get(`${era} ${sessionId} ${ask.handshakeId}`);
    if (standing !== "retired" || under === undefined || generation > under) return [];
    if (mayBeDetached(witness, sessionId, serial)) return [];
    if (isInherited(witness, era, ask.handshakeId)) return [];
    const text = `${ask.handshakeId} is to be closed, and nothing has taken its place`;
    return [{ sessionId, serial, text }];
  });
}
