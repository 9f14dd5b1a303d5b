import type { Policy } from "../../../src/core/policy.ts";
import type { DurationMs, EpochMs } from "../../../src/core/time.ts";
import type { TransportSeen } from "../seen/seen.ts";
import type {
  Answered,
  Asked,
  Closed,
  Opened,
  Received,
  Sight,
  Stamp,
  Trouble,
} from "../seen/sight.ts";

/** How much is known of when and where things were decided. */
export interface Knowledge {
  /** Whether one process served at a time, or several that share a store. */
  readonly processes: "one" | "several";
  /** How long before `since` something may have been decided, where the store is slow. */
  readonly onItsWayMs: DurationMs;
  /** How far the clocks of processes and clients may be apart. */
  readonly clockMs: DurationMs;
  /** How long what is said may take to be noted while nothing is wrong; none at a door. */
  readonly lateMs: DurationMs;
  /** From here on a stretch in which nobody could hear is noticed as a gap, wherever it begins. */
  readonly noticedMs: DurationMs;
}

/** Of a single process whose every word is noted at its door. */
export const knownAtTheDoor: Knowledge = {
  processes: "one",
  onItsWayMs: 2_000,
  clockMs: 0,
  lateMs: 0,
  noticedMs: 3_000,
};

/** All that a checker may go by: what clients saw, and what was done to the world around them. */
export interface Witness {
  readonly policy: Policy;
  readonly knowledge: Knowledge;
  /** Whatever was shown by then has had its time to reach everybody when the run is over. */
  readonly settledAt: EpochMs;
  readonly sessionIds: readonly string[];
  /** Handshakes whose connections are up at both ends when the run is over. */
  readonly up: readonly string[];
  readonly asks: readonly Asked[];
  readonly answers: readonly Answered[];
  /** By call; a call that nobody was answered is not in it. */
  readonly answerOf: ReadonlyMap<number, Answered>;
  /** Every state that anybody was shown, in the order in which the service showed them. */
  readonly states: readonly StateSighting[];
  readonly streams: readonly StreamSeen[];
  /** Stretches in which the service may have been unable to hear. */
  readonly troubles: readonly Trouble[];
  readonly tokenKeyLost: boolean;
  /** Whether service time never went back, as it may where the store that kept it was lost. */
  readonly isCounting: boolean;
  /** The era in which a handshake was first shown. */
  readonly firstEraOf: ReadonlyMap<string, number>;
}

/** A transport state that somebody was shown, in an answer or on a stream. */
export interface StateSighting extends Stamp {
  readonly sessionId: string;
  readonly state: TransportSeen;
  /** The stream that sent it; undefined for an answer. */
  readonly stream: number | undefined;
}

/** One stream, from its opening to its end; never ended: undefined. */
export interface StreamSeen {
  readonly opened: Opened;
  readonly received: readonly Received[];
  readonly closedAt: EpochMs | undefined;
  /** When it ended, a message of the service was still on its way. */
  readonly isMoreOnItsWay: boolean;
}

interface Observed {
  readonly sights: readonly Sight[];
  readonly policy: Policy;
  readonly knowledge: Knowledge;
  readonly settledAt: EpochMs;
  readonly sessionIds: readonly string[];
  readonly up: readonly string[];
}

export function witnessOf({ sights, ...observed }: Observed): Witness {
  const answers = sights.filter((sight) => sight.kind === "answered");
  const states = statesOf(sights);
  const troubles = sights.filter((sight) => sight.kind === "trouble");
  return {
    policy: observed.policy,
    knowledge: observed.knowledge,
    settledAt: observed.settledAt,
    sessionIds: observed.sessionIds,
    up: observed.up,
    asks: sights.filter((sight) => sight.kind === "asked"),
    answers,
    answerOf: new Map(answers.map((answer) => [answer.askId, answer])),
    states,
    streams: streamsOf(sights),
    troubles: troubles.filter(({ what }) => what !== "token key lost"),
    firstEraOf: firstErasOf(states),
    tokenKeyLost: troubles.some(({ what }) => what === "token key lost"),
    isCounting: goesOn(answers),
  };
}

/** Whether service time never went back, as the wall clock may while the service is down. */
function goesOn(answers: readonly Answered[]): boolean {
  return answers.every(
    ({ serviceNow }, index) => serviceNow >= (answers[index - 1]?.serviceNow ?? 0),
  );
}

/** Whether the one was certainly decided after the other had been said. */
export function isAfter(later: Pick<Stamp, "since">, earlier: Pick<Stamp, "at">): boolean {
  return earlier.at < later.since;
}

/** The earliest moment, by service time, at which something may have been decided. */
export function decidedSince(
  { knowledge: { onItsWayMs, clockMs } }: Witness,
  { serviceNow, since, at }: Pick<Stamp, "serviceNow" | "since" | "at">,
): EpochMs {
  return serviceNow - (at - since) - onItsWayMs - clockMs;
}

/** Finds, among items in the order in which they were noted, the greatest certainly before another. */
export function greatestBefore<T>(
  items: readonly T[],
  { stampOf, size }: { readonly stampOf: (item: T) => Stamp; readonly size: (item: T) => number },
): (later: Pick<Stamp, "since">) => T | undefined {
  const greatest: T[] = [];
  for (const item of items) {
    const before = greatest.at(-1);
    greatest.push(before !== undefined && size(before) >= size(item) ? before : item);
  }
  return (later) => {
    let [from, until] = [0, items.length];
    while (from < until) {
      const middle = (from + until) >>> 1;
      if (isAfter(later, stampOf(items[middle] as T))) from = middle + 1;
      else until = middle;
    }
    return greatest[from - 1];
  };
}

/** Whether the service may have been unable to hear at some moment of the stretch. */
export function isTroubled({ troubles }: Witness, from: EpochMs, until: EpochMs): boolean {
  return troubles.some((trouble) => trouble.at <= until && trouble.until >= from);
}

/** Whether the session may have been detached by then: somebody asked, or it was idle. */
export function mayBeDetached(witness: Witness, sessionId: string, before: number): boolean {
  const { policy, asks } = witness;
  const isShortLived = policy.sessionIdleMs < 60_000;
  return (
    isShortLived ||
    asks.some(
      (ask) => ask.sessionId === sessionId && ask.ask.kind === "Detach" && ask.serial < before,
    )
  );
}

/**
 * Whether a handshake may be older than what the store knows of the session, since that was lost or
 * its tombstone had stood for its time: it may have been promoted, replaced or retired there, and it
 * may be adopted once more.
 */
export function isInherited(witness: Witness, era: number, handshakeId: string): boolean {
  if (witness.policy.tombstoneMs < 60_000) return true;
  return era > 0 && (witness.firstEraOf.get(handshakeId) ?? era) < era;
}

/** States of one session within one era: what was durable ends where an era does. */
export function statesBySession({ states }: Witness): readonly (readonly StateSighting[])[] {
  return groupBy(states, ({ sessionId, era }) => `${era} ${sessionId}`);
}

export function groupBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string | number,
): readonly (readonly T[])[] {
  const groups = new Map<string | number, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function statesOf(sights: readonly Sight[]): readonly StateSighting[] {
  return sights.flatMap((sight): readonly StateSighting[] => {
    if (sight.kind === "answered" && sight.answer.kind === "done") {
      const { transport: state } = sight.answer;
      if (state === undefined) return [];
      return [{ ...stampOf(sight), sessionId: sight.sessionId, state, stream: undefined }];
    }
    if (sight.kind !== "received" || sight.message.kind !== "state") return [];
    const { sessionId, state } = sight.message;
    return [{ ...stampOf(sight), sessionId, state, stream: sight.stream }];
  });
}

function firstErasOf(states: readonly StateSighting[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  for (const { era, state } of states) {
    for (const id of [state.handshakeId, state.negotiation?.handshakeId]) {
      if (id !== undefined && !first.has(id)) first.set(id, era);
    }
  }
  return first;
}

function stampOf({ serial, since, at, serviceNow, run, era }: Stamp): Stamp {
  return { serial, since, at, serviceNow, run, era };
}

function streamsOf(sights: readonly Sight[]): readonly StreamSeen[] {
  const onStreams = sights.filter(
    (sight) => sight.kind === "opened" || sight.kind === "received" || sight.kind === "closed",
  );
  return groupBy(onStreams, ({ stream }) => stream).flatMap((group) => {
    const opened = group.find((sight): sight is Opened => sight.kind === "opened");
    const closed = group.find((sight): sight is Closed => sight.kind === "closed");
    const received = group.filter((sight): sight is Received => sight.kind === "received");
    const isMoreOnItsWay = closed?.isMoreOnItsWay ?? false;
    return opened === undefined ? [] : [{ opened, received, closedAt: closed?.at, isMoreOnItsWay }];
  });
}
