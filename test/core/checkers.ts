import type { Command, DecisionContext } from "../../src/core/command.ts";
import { nextDeadline } from "../../src/core/deadline.ts";
import type { Decision } from "../../src/core/decision.ts";
import type { SessionEvent } from "../../src/core/event.ts";
import { evolve } from "../../src/core/evolve.ts";
import { mintedAt } from "../../src/core/ids.ts";
import { faultsOf } from "../../src/core/invariants.ts";
import type { Evidence, SessionRecord } from "../../src/core/session.ts";
import { standingOf } from "../../src/core/standing.ts";
import { currentOf, nextNegotiationAt, nextOf, usableOf } from "../../src/core/view.ts";
import { shownState } from "./shown-state.ts";

/** One decision, with the record before it. */
export interface Taken {
  readonly id: string;
  readonly before: SessionRecord | undefined;
  readonly command: Command;
  readonly context: DecisionContext;
  readonly decision: Decision<Command>;
}

/** One event of a decision, with the record on either side. */
interface Change {
  readonly before: SessionRecord | undefined;
  readonly event: SessionEvent;
  readonly after: SessionRecord | undefined;
}

type Checker = (taken: Taken, changes: readonly Change[]) => readonly string[];

/** A sentence for each promise that a decision breaks, led by the name of the promise. */
export function brokenPromises(taken: Taken): readonly string[] {
  const changes = changesOf(taken);
  return Object.entries(checkers).flatMap(([name, check]) =>
    check(taken, changes).map((fault) => `${name}: ${fault}`),
  );
}

const checkers: Readonly<Record<string, Checker>> = {
  Invariants: ({ decision }) => (decision.session ? faultsOf(decision.session) : []),
  Folded: checkFold,
  Held: checkHeld,
  Undisturbed: checkUndisturbed,
  Overlapped: (_, changes) => changes.flatMap(checkOverlapped),
  Single: (_, changes) => changes.flatMap(checkSingle),
  Genuine: checkGenuine,
  Fenced: (_, changes) => changes.flatMap(checkFenced),
  "Fenced for good": checkRevenants,
  Durable: checkDurable,
  Current: checkCurrent,
  Ordered: (_, changes) => changes.flatMap(checkOrdered),
  Timely: checkTimely,
};

function changesOf({ id, before, decision }: Taken): readonly Change[] {
  let record = before;
  return decision.events.map((event) => {
    const change = { before: record, event, after: evolve(record, event, id) };
    record = change.after;
    return change;
  });
}

function checkFold({ before, decision }: Taken, changes: readonly Change[]): string[] {
  const folded = changes.length === 0 ? before : changes.at(-1)?.after;
  const same = JSON.stringify(folded) === JSON.stringify(decision.session);
  return same ? [] : ["the events do not lead to the record that was decided"];
}

function checkHeld({ context }: Taken, changes: readonly Change[]): string[] {
  return changes.flatMap(({ before, event, after }) => {
    if (before === undefined || after === undefined) return [];
    const faults: string[] = [];
    for (const lease of before.leases.live) {
      const later = after.leases.live.find((live) => live.id === lease.id);
      const ended = event.kind === "LeaseEnded" && event.leaseId === lease.id;
      if ((later === undefined) !== ended) faults.push(`${event.kind} and ${lease.id} disagree`);
      if (ended && event.endedBy === "expired" && event.at < lease.expiresAt) {
        faults.push(`${lease.id} expired early`);
      }
      if (later && later.expiresAt < lease.expiresAt) faults.push(`${lease.id} was shortened`);
      const mayMove = event.kind === "LeaseExtended" || event.kind === "GapTaken";
      if (later && later.expiresAt > lease.expiresAt && !mayMove) {
        faults.push(`${event.kind} moved the end of ${lease.id}`);
      }
    }
    for (const lease of after.leases.live) {
      const known = before.leases.live.some((live) => live.id === lease.id);
      if (!known && event.kind !== "LeaseGranted") faults.push(`${lease.id} came from nowhere`);
      const dead = after.leases.ended.some((ended) => ended.id === lease.id);
      if (dead) faults.push(`${lease.id} revived`);
      const over = changes.at(-1)?.after === after && lease.expiresAt <= context.now;
      if (over) faults.push(`${lease.id} is live after its end`);
    }
    return faults;
  });
}

/** The commands of people who hold leases, or take them away: none is about the transport. */
const leaseCommands: readonly Command["kind"][] = [
  "Acquire",
  "Renew",
  "Release",
  "Revoke",
  "CheckLease",
];

function checkUndisturbed(
  { before, command, decision }: Taken,
  changes: readonly Change[],
): string[] {
  if (!leaseCommands.includes(command.kind)) return [];
  const first = changes.findIndex(({ event }) => isOwnEvent(event));
  const own = first < 0 ? [] : changes.slice(first);
  const was = first < 0 ? decision.session : own[0]?.before;
  if (was?.kind !== "attached") return [];
  const mayNegotiate =
    command.kind === "Acquire" || (command.kind === "Renew" && !command.leaseOnly);
  const mayStart = mayNegotiate && usableOf(was.transport.path) === undefined;
  const allowed = (kind: string): boolean => kind === "HandshakeStarted" && mayStart;
  const faults = own
    .filter(({ event }) => !isLeaseEvent(event) && !allowed(event.kind))
    .map(({ event }) => `${command.kind} brought ${event.kind}`);
  const quiet = own.length === changes.length && before?.kind === "attached" && !mayStart;
  if (!quiet || decision.session?.kind !== "attached") return faults;
  const kept = decision.session.transport === before.transport;
  return kept ? faults : [...faults, `${command.kind} replaced the transport of the record`];
}

/** Events that only a command brings about, never time. */
function isOwnEvent(event: SessionEvent): boolean {
  return event.kind === "LeaseEnded" ? event.endedBy !== "expired" : isLeaseEvent(event);
}

function isLeaseEvent({ kind }: SessionEvent): boolean {
  return kind.startsWith("Lease") || kind.startsWith("Hold");
}

function checkOverlapped({ before, event, after }: Change): string[] {
  if (before?.kind !== "attached" || after?.kind !== "attached") return [];
  const usable = usableOf(before.transport.path);
  if (usable === undefined) return [];
  const current = currentOf(after.transport.path);
  if (event.kind !== "HandshakePromoted") {
    return current?.id === usable.id ? [] : [`${event.kind} took a usable fast path away`];
  }
  const { promoted } = event;
  const faults: string[] = [];
  if (nextOf(before.transport.path)?.id !== promoted.id) faults.push("not the one in flight won");
  if (after.transport.lingering?.id !== usable.id) faults.push("the replaced one does not linger");
  for (const end of ["manager", "host"] as const) {
    const [old, fresh] = [usable[end], promoted[end]];
    if (old && fresh && fewer(fresh, old)) faults.push(`fewer channels at the ${end} end`);
  }
  return faults;
}

function fewer(fresh: Evidence, old: Evidence): boolean {
  return old.readyChannels.some((channel) => !fresh.readyChannels.includes(channel));
}

function checkSingle({ before, event }: Change): string[] {
  if (event.kind !== "HandshakeStarted" || before?.kind !== "attached") return [];
  return nextOf(before.transport.path) ? ["a second negotiation was started"] : [];
}

function checkGenuine({ command, context, decision }: Taken): string[] {
  if (decision.kind !== "accepted" || decision.session?.kind !== "attached") return [];
  const { transport } = decision.session;
  if (usableOf(transport.path) || nextOf(transport.path)) return [];
  const asks = command.kind === "Acquire" || (command.kind === "Renew" && !command.leaseOnly);
  if (!asks || nextNegotiationAt(transport, context.now) !== undefined) return [];
  const busy = context.negotiationsInFlight(transport.managerUrl);
  if (busy >= context.policy.negotiationsPerManagerMax) return [];
  return [`${command.kind} started no handshake without a usable fast path`];
}

function checkFenced({ before, event, after }: Change): string[] {
  if (before === undefined || after === undefined) return [];
  const faults: string[] = [];
  const [was, is] = [generationOf(before), generationOf(after)];
  const promoted = event.kind === "HandshakePromoted";
  if (promoted ? is <= was : is !== was) faults.push(`${event.kind}: generation ${was} to ${is}`);
  const granted = event.kind === "LeaseGranted";
  const epochs = [before.leases.epoch, after.leases.epoch] as const;
  if (granted ? epochs[1] <= epochs[0] : epochs[1] !== epochs[0]) {
    faults.push(`${event.kind}: epoch ${epochs[0]} to ${epochs[1]}`);
  }
  if (granted && event.lease.epoch !== epochs[1]) faults.push("a grant does not bear its epoch");
  if (event.kind === "HandshakeStarted" && before.kind === "attached") {
    const newest = before.transport.newestHandshakeId;
    const { id } = event.handshake;
    if (mintedAt(id) === undefined) faults.push(`${id} is no id of ours`);
    if (newest !== undefined && id <= newest) faults.push(`${id} is not younger than ${newest}`);
  }
  return faults;
}

/** Neither what was retired nor what lingers comes back; a promotion retires the rest just before. */
function checkRevenants(_: Taken, changes: readonly Change[]): string[] {
  return changes.flatMap(({ event }, index) => {
    if (event.kind !== "HandshakePromoted") return [];
    const earlier = changes.slice(0, index + 1).toReversed();
    const first = earlier.slice(1).findIndex(({ event: { kind } }) => kind !== "HandshakeRetired");
    const before = (first < 0 ? earlier.at(-1) : earlier[first])?.before;
    if (before?.kind !== "attached") return [];
    const standing = standingOf(before, event.promoted.id);
    const gone = standing === "retired" || standing === "lingering";
    return gone ? [`a ${standing} handshake was promoted`] : [];
  });
}

function generationOf(record: SessionRecord): number {
  return record.kind === "attached" ? record.transport.generation : record.generation;
}

function checkDurable({ context }: Taken, changes: readonly Change[]): string[] {
  return changes.flatMap(({ before, event, after }) => {
    if (event.kind !== "GapTaken" || before?.kind !== "attached") return [];
    if (after?.kind !== "attached") return ["a gap detached the session"];
    const kind = context.gaps.find((gap) => gap.number === event.number)?.kind;
    const length = event.until - event.from;
    const faults = before.leases.live.flatMap((lease) => {
      if (lease.expiresAt <= event.from) return [`${lease.id} had passed and was kept`];
      const again = kind === "absence" ? event.until + lease.ttlMs : 0;
      const least = Math.max(lease.expiresAt + length, again);
      const moved = after.leases.live.find((live) => live.id === lease.id);
      return moved && moved.expiresAt >= least ? [] : [`${lease.id} lost time by a gap`];
    });
    const within = changes.filter(
      (change) => change.event.at > event.from && change.event.at < event.until,
    );
    return [...faults, ...within.map((change) => `${change.event.kind} happened inside a gap`)];
  });
}

/** The version tells exactly whether anything shown but ages has changed. */
function checkCurrent({ before, context, decision }: Taken, changes: readonly Change[]): string[] {
  const after = decision.session;
  const faults = changes
    .filter((change) => change.before?.version !== change.after?.version)
    .filter((change) => isSameShown(change.before, change.after, change.event.at))
    .map((change) => `${change.event.kind} raised the version and changed nothing shown`);
  const same = isSameShown(before, after, context.now);
  const rose = before?.version !== after?.version;
  return same || rose ? faults : [...faults, "something shown changed without a new version"];
}

function isSameShown(
  a: SessionRecord | undefined,
  b: SessionRecord | undefined,
  now: number,
): boolean {
  return JSON.stringify(shownState(a, now)) === JSON.stringify(shownState(b, now));
}

function checkOrdered({ before, event, after }: Change): string[] {
  if (before === undefined || after === undefined) return [];
  const faults: string[] = [];
  if (after.revision <= before.revision) faults.push(`${event.kind} does not raise the revision`);
  if (after.version < before.version) faults.push(`${event.kind} lowers the version`);
  const moved = after.leases.version - before.leases.version;
  const concerns = event.kind === "LeaseGranted" || event.kind === "LeaseEnded";
  if (moved < 0 || concerns !== moved > 0) faults.push(`${event.kind}: lease version by ${moved}`);
  return faults;
}

function checkTimely({ context, decision }: Taken, changes: readonly Change[]): string[] {
  const faults: string[] = [];
  const due = decision.session && nextDeadline(decision.session, context.policy);
  if (due !== undefined && due <= context.now) faults.push(`a deadline is left behind at ${due}`);
  changes.forEach(({ event }, index) => {
    const earlier = changes[index - 1]?.event;
    if (event.at > context.now) faults.push(`${event.kind} happened in the future`);
    if (earlier && earlier.at > event.at) {
      faults.push(`${event.kind} happened before ${earlier.kind}, which came first`);
    }
  });
  return faults;
}
