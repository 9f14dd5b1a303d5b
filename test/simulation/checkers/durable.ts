import type { EpochMs } from "../../../src/core/time.ts";
import type { Breach, Checker } from "../judging/checker.ts";
import { type LeaseLife, leaseLives } from "../judging/lease-lives.ts";
import {
  greatestBefore,
  type StateSighting,
  statesBySession,
  type Witness,
} from "../judging/witness.ts";
import type { Trouble } from "../seen/sight.ts";

/** Deadlines are due as soon as the gap is on record, a moment before anybody can be served. */
const startingMs = 500;

/**
 * What was shown survives a crash. A gap (restart, store outage, stalled loop) renegotiates,
 * abandons, shortens and ends nothing by itself.
 */
export const durable: Checker = (witness) => [
  ...statesBySession(witness).flatMap(forgotten),
  ...statesBySession(witness).flatMap((states) => retold(witness, states)),
  ...statesBySession(witness).flatMap((states) => happenedInGaps(witness, states)),
  ...leaseLives(witness).flatMap((life) => endedByGap(witness, life)),
];

/** Nobody is shown a state that is older than one that was shown before. */
function forgotten(states: readonly StateSighting[]): Breach[] {
  const newestBefore = greatestBefore(states, {
    stampOf: (sighting) => sighting,
    size: ({ state }) => state.version,
  });
  return states.flatMap((sighting) => {
    const { sessionId, serial, state } = sighting;
    const before = newestBefore(sighting);
    if (before === undefined || state.version >= before.state.version) return [];
    const text = `version ${state.version} was shown after ${before.state.version}`;
    return [{ sessionId, serial, text }];
  });
}

/** One version reads the same whenever it is shown, and its moments on every process's clock. */
function retold({ knowledge: { clockMs } }: Witness, states: readonly StateSighting[]): Breach[] {
  const received = new Map<number, Reading>();
  return states.flatMap(({ sessionId, serial, state }) => {
    const reading = readingOf(state);
    const before = received.get(state.version) ?? reading;
    received.set(state.version, before);
    const isSame = reading.moments.every(
      (moment, index) => Math.abs(moment - (before.moments[index] ?? 0)) <= clockMs,
    );
    if (before.content === reading.content && isSame) return [];
    const text = `version ${state.version} read otherwise before: ${before.content}`;
    return [{ sessionId, serial, text }];
  });
}

interface Reading {
  readonly content: string;
  readonly moments: readonly EpochMs[];
}

const momentNames: ReadonlySet<string> = new Set([
  "promotedAt",
  "startedAt",
  "confirmBy",
  "honouredUntil",
  "changeAt",
]);

/** A moment that merely passes is no change: when to negotiate next is left out. */
function readingOf(state: StateSighting["state"]): Reading {
  const moments: EpochMs[] = [];
  const content = JSON.stringify({ ...state, nextNegotiationAt: 0 }, (name, value: unknown) => {
    if (!momentNames.has(name) || typeof value !== "number") return value;
    moments.push(value);
    return name;
  });
  return { content, moments };
}

/** A change that only time brings about. */
function isByTime({ change, changeReason }: StateSighting["state"]): boolean {
  return (
    change === "negotiation_abandoned" ||
    changeReason === "linger_over" ||
    changeReason === "expired" ||
    (change === "health_changed" && changeReason.endsWith("silent"))
  );
}

function happenedInGaps(witness: Witness, states: readonly StateSighting[]): Breach[] {
  const gaps = gapsOf(witness);
  const { clockMs } = witness.knowledge;
  const aheadMs = witness.states.map(({ serviceNow, at }) => serviceNow - at);
  // Where the wall clock jumped, moments of two runs cannot be compared.
  if (new Set(aheadMs).size > 1) return [];
  return states.flatMap(({ sessionId, serial, state, serviceNow, at }) => {
    const happenedAt = state.changeAt + at - serviceNow;
    const gap = gaps.find(
      ({ at: from, until }) =>
        from + clockMs < happenedAt && happenedAt < until - startingMs - clockMs,
    );
    if (gap === undefined || !isByTime(state)) return [];
    const text = `${state.change} (${state.changeReason}) happened within a gap (${gap.what})`;
    return [{ sessionId, serial, text }];
  });
}

function gapsOf({ troubles, knowledge: { noticedMs } }: Witness): readonly Trouble[] {
  return troubles.filter(
    ({ what, at, until }) =>
      what !== "store shaky" && what !== "fleet shaken" && until - at >= noticedMs,
  );
}

/** A lease that was live when a gap began outlives it: by its ttl after an absence. */
function endedByGap(witness: Witness, { sessionId, leaseId, moments }: LeaseLife): Breach[] {
  const over = moments.find((moment) => moment.kind === "over");
  if (over === undefined || over.endedBy !== "expired") return [];
  return gapsOf(witness).flatMap((gap) => {
    const last = moments.findLast((moment) => moment.kind === "live" && moment.answer.at <= gap.at);
    if (last?.kind !== "live" || last.endsAt <= gap.at) return [];
    if (over.answer.at < gap.until) return [];
    const leftMs = gap.what === "stall" ? last.endsAt - gap.at : last.lease.ttlMs;
    const earlyMs = gap.until + leftMs - over.answer.at;
    if (earlyMs <= witness.knowledge.clockMs) return [];
    const text = `${leaseId} expired ${earlyMs} ms early after a gap (${gap.what})`;
    return [{ sessionId, serial: over.answer.serial, text }];
  });
}
