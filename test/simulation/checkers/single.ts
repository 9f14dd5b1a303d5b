import type { Breach, Checker } from "../judging/checker.ts";
import {
  mayBeDetached,
  type StateSighting,
  statesBySession,
  type Witness,
} from "../judging/witness.ts";

/** At most one negotiation in flight per session; later requests join it and are told so. */
export const single: Checker = (witness) => [
  ...startedTwice(witness),
  ...statesBySession(witness).flatMap((states) => sideBySide(witness, states)),
];

/** Of all callers offered one handshake, only the first is answered that it was started. */
function startedTwice({ answers }: Witness): Breach[] {
  const started = new Set<string>();
  return answers.flatMap(({ answer, sessionId, serial, era, askId }) => {
    const negotiation = answer.kind === "done" ? answer.negotiation : undefined;
    if (negotiation?.handshakeId === undefined || negotiation.joined) return [];
    const key = `${era} ${negotiation.handshakeId}`;
    const text = `${negotiation.handshakeId} was started anew for call ${askId}, not joined`;
    if (started.has(key)) return [{ sessionId, serial, text }];
    started.add(key);
    return [];
  });
}

/** No handshake starts before the one in flight was promoted, outrun or is due. */
function sideBySide(witness: Witness, states: readonly StateSighting[]): Breach[] {
  let inFlight: StateSighting | undefined;
  return states.flatMap((sighting) => {
    const next = sighting.state.negotiation;
    const before = inFlight;
    if (next !== undefined) inFlight = sighting;
    const earlier = before?.state.negotiation;
    if (next === undefined || earlier === undefined || before === undefined) return [];
    if (next.handshakeId === earlier.handshakeId) return [];
    const { sessionId, serial, state } = sighting;
    const isReplaced = state.generation !== before.state.generation;
    const overAt = earlier.confirmBy - witness.knowledge.clockMs;
    const isOver = next.startedAt < earlier.startedAt || next.startedAt >= overAt;
    if (isReplaced || isOver || mayBeDetached(witness, sessionId, serial)) return [];
    const text = `${next.handshakeId} was started while ${earlier.handshakeId} was in flight`;
    return [{ sessionId, serial, text }];
  });
}
