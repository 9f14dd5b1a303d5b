import type { Breach, Checker } from "./checker.ts";
import {
  groupBy,
  isInherited,
  isTroubled,
  onItsWayMs,
  type StateSighting,
  statesBySession,
  type Witness,
} from "./witness.ts";

/**
 * `generation` only grows and is never used twice; an end that holds a retired handshake is told
 * to close it. `epoch` names a grant and is never used twice: within one (session, account,
 * reason) the later ends the earlier.
 *
 * After a restored backup no epoch comes again. But generations of a session that it did not know
 * may, and after a lost store everything begins anew; and what was minted before is retired only
 * while something usable is younger. A handshake which its ends still know under a generation is
 * never served under a lower one.
 */
export const fenced: Checker = (witness) => [
  ...statesBySession(witness).flatMap((states) => usedTwice(witness, states)),
  ...epochsUsedTwice(witness),
  ...supersededAlive(witness),
  ...revenants(witness),
  ...neverClosed(witness),
];

function usedTwice({ policy }: Witness, states: readonly StateSighting[]): Breach[] {
  // When its tombstone has stood for its time, nothing is known of a session any more.
  const isForgetful = policy.tombstoneMs < 60_000;
  const handshakes = new Map<number, string>();
  let newest: StateSighting | undefined;
  return states.flatMap((sighting) => {
    const { sessionId, serial, at, state } = sighting;
    const { generation, handshakeId } = state;
    const breaches: Breach[] = [];
    if (isForgetful && generation === 0) {
      handshakes.clear();
      newest = undefined;
    }
    const before = newest?.state.generation ?? 0;
    if (generation < before && (newest?.at ?? at) < at) {
      breaches.push({
        sessionId,
        serial,
        text: `the generation fell from ${before} to ${generation}`,
      });
    }
    if (generation >= before) newest = sighting;
    const known = handshakeId === undefined ? undefined : handshakes.get(generation);
    if (known !== undefined && known !== handshakeId) {
      const text = `generation ${generation} is that of ${handshakeId} and of ${known}`;
      breaches.push({ sessionId, serial, text });
    }
    if (handshakeId !== undefined) handshakes.set(generation, handshakeId);
    return breaches;
  });
}

function epochsUsedTwice({ answers, isCounting }: Witness): Breach[] {
  const grants = new Map<string, string>();
  return answers.flatMap(({ answer, sessionId, serial, era }) => {
    if (answer.kind === "refused" || answer.lease === undefined) return [];
    const { id, epoch } = answer.lease;
    const key = `${isCounting ? "" : era} ${sessionId} ${epoch}`;
    const known = grants.get(key) ?? id;
    grants.set(key, known);
    if (known === id) return [];
    return [{ sessionId, serial, text: `epoch ${epoch} names ${known} and ${id}` }];
  });
}

/** Under one key, only the lease with the highest epoch is ever shown live. */
function supersededAlive({ answers }: Witness): Breach[] {
  const newest = new Map<string, number>();
  return answers.flatMap(({ answer, sessionId, serial, era }) => {
    if (answer.kind === "refused" || answer.lease === undefined) return [];
    const { id, account, reason, epoch } = answer.lease;
    const key = [era, sessionId, account, reason].join(" ");
    const last = newest.get(key) ?? epoch;
    newest.set(key, Math.max(last, epoch));
    if (epoch >= last) return [];
    return [{ sessionId, serial, text: `${id} is live beside a grant of a later epoch` }];
  });
}

interface StandingSeen {
  readonly sessionId: string;
  readonly serial: number;
  readonly at: number;
  readonly era: number;
  readonly handshakeId: string;
  readonly standing: string;
  /** Under which the end knows it, and that of the session; equal where neither is told. */
  readonly reported: number;
  readonly generation: number;
  readonly serviceNow: number;
}

function standingsOf(witness: Witness): readonly StandingSeen[] {
  const { answers } = witness;
  return answers.flatMap(({ ask, answer, sessionId, serial, at, era, serviceNow }) => {
    if (ask.kind !== "Report" && ask.kind !== "CheckHandshake") return [];
    if (answer.kind === "refused") return [];
    const standing = answer.verdict?.standing ?? answer.standing ?? "";
    const generation = answer.verdict?.generation ?? answer.transport?.generation ?? 0;
    const reported = ask.kind === "Report" ? ask.generation : 0;
    const { handshakeId } = ask;
    const about = { sessionId, serial, at, era, handshakeId, serviceNow };
    return [{ ...about, standing, reported, generation }];
  });
}

/** What was retired stays retired, and is never promoted. */
function revenants(witness: Witness): Breach[] {
  const retired = new Map<string, number>();
  const standings = standingsOf(witness);
  const breaches: Breach[] = [];
  for (const { sessionId, serial, era, handshakeId, standing, ...seen } of standings) {
    const key = `${era} ${sessionId} ${handshakeId}`;
    if (standing === "retired") retired.set(key, retired.get(key) ?? serial);
    else if (retired.has(key) && !isInherited(witness, era, handshakeId)) {
      breaches.push({ sessionId, serial, text: `${handshakeId} was retired and is ${standing}` });
    }
    if (standing === "promoted" && seen.generation < seen.reported) {
      const text = `${handshakeId} is served under ${seen.generation}, and was under ${seen.reported}`;
      breaches.push({ sessionId, serial, text });
    }
  }
  for (const { sessionId, serial, era, state } of witness.states) {
    const key = `${era} ${sessionId} ${state.handshakeId}`;
    if ((retired.get(key) ?? serial) >= serial) continue;
    if (isInherited(witness, era, state.handshakeId ?? "")) continue;
    breaches.push({ sessionId, serial, text: `${state.handshakeId} was retired and is promoted` });
  }
  return breaches;
}

/** An end that still holds a replaced handshake is told to close it once lingering is over. */
function neverClosed(witness: Witness): Breach[] {
  const lingers = new Map<string, StateSighting>();
  for (const sighting of witness.states) {
    const { era, sessionId, state } = sighting;
    if (state.lingering === undefined) continue;
    lingers.set(`${era} ${sessionId} ${state.lingering.handshakeId}`, sighting);
  }
  const groups = groupBy(standingsOf(witness), ({ handshakeId }) => handshakeId);
  return groups.flat().flatMap(({ sessionId, serial, at, era, handshakeId, ...seen }) => {
    const linger = lingers.get(`${era} ${sessionId} ${handshakeId}`);
    const until = linger?.state.lingering?.honouredUntil;
    if (linger === undefined || until === undefined || linger.serial > serial) return [];
    if (isTroubled(witness, linger.at, at) || seen.serviceNow < until + onItsWayMs) return [];
    if (seen.standing === "retired" || isInherited(witness, era, handshakeId)) return [];
    const text = `${handshakeId} is ${seen.standing}, although its lingering is over`;
    return [{ sessionId, serial, text }];
  });
}
