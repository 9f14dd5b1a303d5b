import type { Breach, Checker } from "../judging/checker.ts";
import {
  decidedSince,
  greatestBefore,
  groupBy,
  isAfter,
  isInherited,
  isTroubled,
  type StateSighting,
  statesBySession,
  type Witness,
} from "../judging/witness.ts";
import type { Stamp } from "../seen/sight.ts";

/**
 * `generation` only grows and is never used twice, whatever the service has forgotten; an end that
 * holds a retired handshake is told to close it. `epoch` names a grant and is never used twice: within one (session, account,
 * reason) the later ends the earlier.
 *
 * So it is whatever was forgotten, unless the clock went back with it: over lost stores, older files
 * and ended tombstones no number comes again, and what is promoted next is above all that was
 * served. What was minted before is retired only while something usable is younger. A handshake
 * which its ends still know under a generation is never served under a lower one.
 */
export const fenced: Checker = (witness) => [
  ...statesBySession(witness).map(promotedIn).flatMap(usedTwice),
  ...(witness.isCounting
    ? groupBy(promotedIn(witness.states), ({ sessionId }) => sessionId).flatMap(usedAgain)
    : []),
  ...epochsUsedTwice(witness),
  ...supersededAlive(witness),
  ...revenants(witness),
  ...neverClosed(witness),
];

/** Before its first promotion in each life a session shows no generation. */
function promotedIn(states: readonly StateSighting[]): readonly StateSighting[] {
  return states.filter(({ state }) => state.generation > 0);
}

/** Over everything that was forgotten: what an older file brings back is what it was. */
function usedAgain(states: readonly StateSighting[]): Breach[] {
  const handshakes = new Map<number, string>();
  const known = new Set<string>();
  const greatest = greatestBefore(states, {
    stampOf: (sighting) => sighting,
    size: ({ state }) => state.generation,
  });
  return states.flatMap((sighting) => {
    const { sessionId, serial, state } = sighting;
    const { generation, handshakeId, promotedAt = 0 } = state;
    if (handshakeId === undefined || known.has(`${generation} ${handshakeId}`)) return [];
    known.add(`${generation} ${handshakeId}`);
    const breaches: Breach[] = [];
    const other = handshakes.get(generation) ?? handshakeId;
    handshakes.set(generation, other);
    if (other !== handshakeId) {
      const text = `generation ${generation} is that of ${other} and, later, of ${handshakeId}`;
      breaches.push({ sessionId, serial, text });
    }
    const before = greatest(sighting)?.state;
    const isLater = before !== undefined && promotedAt > (before.promotedAt ?? 0);
    if (isLater && generation <= before.generation) {
      const text = `generation ${generation} came after ${before.generation}`;
      breaches.push({ sessionId, serial, text });
    }
    return breaches;
  });
}

function usedTwice(states: readonly StateSighting[]): Breach[] {
  const handshakes = new Map<number, string>();
  const greatest = greatestBefore(states, {
    stampOf: (sighting) => sighting,
    size: ({ state }) => state.generation,
  });
  return states.flatMap((sighting) => {
    const { sessionId, serial, state } = sighting;
    const { generation, handshakeId } = state;
    const breaches: Breach[] = [];
    const before = greatest(sighting)?.state.generation ?? 0;
    if (generation < before) {
      const text = `the generation fell from ${before} to ${generation}`;
      breaches.push({ sessionId, serial, text });
    }
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
  const shown = answers.flatMap((stamp) => {
    const { answer, sessionId } = stamp;
    const lease = answer.kind === "done" ? answer.lease : undefined;
    return lease === undefined ? [] : [{ stamp, sessionId, lease }];
  });
  const byKey = groupBy(shown, ({ stamp: { era }, sessionId, lease: { account, reason } }) =>
    [era, sessionId, account, reason].join(" "),
  );
  return byKey.flatMap((grants) => {
    const latest = greatestBefore(grants, {
      stampOf: ({ stamp }) => stamp,
      size: ({ lease }) => lease.epoch,
    });
    return grants.flatMap(({ stamp, sessionId, lease: { id, epoch } }) => {
      if (epoch >= (latest(stamp)?.lease.epoch ?? epoch)) return [];
      const text = `${id} is live beside a grant of a later epoch`;
      return [{ sessionId, serial: stamp.serial, text }];
    });
  });
}

interface StandingSeen extends Stamp {
  readonly sessionId: string;
  readonly handshakeId: string;
  readonly standing: string;
  /** Under which the end knows it, and that of the session; equal where neither is told. */
  readonly reported: number;
  readonly generation: number;
}

function standingsOf(witness: Witness): readonly StandingSeen[] {
  const { answers } = witness;
  return answers.flatMap((answered) => {
    const { ask, answer, sessionId, serial, since, at, serviceNow, run, era } = answered;
    if (ask.kind !== "Report" && ask.kind !== "CheckHandshake") return [];
    if (answer.kind === "refused") return [];
    const standing = answer.verdict?.standing ?? answer.standing ?? "";
    const generation = answer.verdict?.generation ?? answer.transport?.generation ?? 0;
    const reported = ask.kind === "Report" ? ask.generation : 0;
    const { handshakeId } = ask;
    const stamp = { serial, since, at, serviceNow, run, era };
    return [{ ...stamp, sessionId, handshakeId, standing, reported, generation }];
  });
}

/** What was retired stays retired, and is never promoted. */
function revenants(witness: Witness): Breach[] {
  const retired = new Map<string, StandingSeen>();
  const breaches: Breach[] = [];
  for (const seen of standingsOf(witness)) {
    const { sessionId, serial, era, handshakeId, standing } = seen;
    const key = `${era} ${sessionId} ${handshakeId}`;
    const before = retired.get(key);
    if (standing === "retired") retired.set(key, before ?? seen);
    else if (before && isAfter(seen, before) && !isInherited(witness, era, handshakeId)) {
      breaches.push({ sessionId, serial, text: `${handshakeId} was retired and is ${standing}` });
    }
    if (standing === "promoted" && seen.generation < seen.reported) {
      const text = `${handshakeId} is served under ${seen.generation}, and was under ${seen.reported}`;
      breaches.push({ sessionId, serial, text });
    }
  }
  for (const sighting of witness.states) {
    const { sessionId, serial, era, state } = sighting;
    const before = retired.get(`${era} ${sessionId} ${state.handshakeId}`);
    if (before === undefined || !isAfter(sighting, before)) continue;
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
  return standingsOf(witness).flatMap((seen) => {
    const { sessionId, serial, at, era, handshakeId } = seen;
    const linger = lingers.get(`${era} ${sessionId} ${handshakeId}`);
    const until = linger?.state.lingering?.honouredUntil;
    if (linger === undefined || until === undefined || !isAfter(seen, linger)) return [];
    if (isTroubled(witness, linger.at, at) || decidedSince(witness, seen) < until) return [];
    if (seen.standing === "retired" || isInherited(witness, era, handshakeId)) return [];
    const text = `${handshakeId} is ${seen.standing}, although its lingering is over`;
    return [{ sessionId, serial, text }];
  });
}
