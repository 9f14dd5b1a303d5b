import type { LeaseEvent, LifecycleEvent, SessionEvent, TransportEvent } from "./event.ts";
import { younger } from "./ids.ts";
import { evolveLeases } from "./lease/evolve-leases.ts";
import type {
  Hold,
  LastChange,
  LeaseBook,
  Session,
  SessionRecord,
  Tombstone,
  Transport,
} from "./session.ts";
import type { EpochMs } from "./time.ts";
import { evolveTransport, initialTransport, shiftTransport } from "./transport/evolve-transport.ts";
import { currentOf, isPathMissed } from "./view.ts";

/** What a record is after an event; undefined when nothing is left to keep. */
export function evolve(
  record: SessionRecord | undefined,
  event: SessionEvent,
  sessionId: string,
): SessionRecord | undefined {
  switch (event.kind) {
    case "SessionAttached":
      return attach(record, event, sessionId);
    case "TombstoneExpired":
      return undefined;
    case "IncarnationChanged":
      return liftCounters(known(record, event), event);
    case "SessionUpdated":
    case "SessionDetached":
    case "SessionTouched":
    case "GapTaken":
      return evolveLifecycle(attached(record, event), event);
    case "LeaseGranted":
    case "LeaseExtended":
    case "LeaseRekeyed":
    case "LeaseEnded":
    case "HoldPlaced":
    case "HoldsLifted":
      return evolveLease(attached(record, event), event);
    case "HandshakeStarted":
    case "DeliveryDue":
    case "HandshakeDelivered":
    case "HandshakePromoted":
    case "GenerationNamed":
    case "GenerationRaised":
    case "HandshakeAbandoned":
    case "HandshakeRetired":
    case "NegotiationDelayed":
    case "BackoffReset":
    case "DiedEarly":
    case "ReportReceived":
    case "ReportPlaced":
    case "HealthChanged":
      return evolveFastPath(attached(record, event), event);
  }
}

function known(record: SessionRecord | undefined, event: SessionEvent): SessionRecord {
  if (record === undefined) throw new Error(`${event.kind} happened to a session that is unknown`);
  return record;
}

function attached(record: SessionRecord | undefined, event: SessionEvent): Session {
  if (record?.kind !== "attached") {
    throw new Error(`${event.kind} happened to a session that is not attached`);
  }
  return record;
}

/** A lease changed: the transport is carried over as it is. */
export function evolveLease(session: Session, event: LeaseEvent): Session {
  const leases = evolveLeases(session.leases, event);
  const revision = session.revision + 1;
  if (leases.version === session.leases.version) return { ...session, leases, revision };
  const reason = event.kind === "LeaseEnded" ? event.endedBy : "granted";
  return {
    ...session,
    leases,
    revision,
    version: session.version + 1,
    activeAt: Math.max(session.activeAt, event.at),
    missedSince: missedSince(session, { leases }, event.at),
    lastChange: { change: "leases_changed", reason, at: event.at },
  };
}

function evolveFastPath(session: Session, event: TransportEvent): Session {
  const change = changeOf(session, event);
  const transport = evolveTransport(session.transport, event);
  return {
    ...session,
    revision: session.revision + 1,
    version: isShown(session, event) ? session.version + 1 : session.version,
    activeAt:
      event.kind === "ReportReceived" ? Math.max(session.activeAt, event.at) : session.activeAt,
    transport,
    missedSince: missedSince(session, { transport }, event.at),
    lastChange: change ?? session.lastChange,
  };
}

/** The missed path after a change: missed as before, from now on, or not any more. */
function missedSince(
  before: Session,
  change: Partial<Pick<Session, "leases" | "transport">>,
  at: EpochMs,
): EpochMs | undefined {
  const { leases, transport } = before;
  return isPathMissed({ leases, transport, ...change }) ? (before.missedSince ?? at) : undefined;
}

/** Whether the event changes more of the shown state than ages. */
function isShown(session: Session, event: TransportEvent): boolean {
  switch (event.kind) {
    case "HandshakeStarted":
    case "HandshakePromoted":
    case "GenerationRaised":
    case "HandshakeAbandoned":
    case "HealthChanged":
      return true;
    case "NegotiationDelayed":
      return session.transport[event.which].notBefore !== event.backoff.notBefore;
    case "HandshakeRetired":
      return event.reason === "linger_over";
    case "ReportReceived": {
      const promoted = currentOf(session.transport.path);
      return event.received?.changed === true && event.received.handshakeId === promoted?.id;
    }
    case "DeliveryDue":
    case "HandshakeDelivered":
    case "GenerationNamed":
    case "ReportPlaced":
    case "DiedEarly":
    case "BackoffReset":
      return false;
  }
}

/** The last change that watchers see after the event; undefined when the event is not one. */
function changeOf(session: Session, event: TransportEvent): LastChange | undefined {
  const { at } = event;
  switch (event.kind) {
    case "HandshakeStarted":
      return { change: "negotiation_started", reason: event.handshake.reason, at };
    case "HandshakePromoted":
      return { change: "promoted", reason: event.reason, at };
    case "GenerationRaised":
      return { change: "promoted", reason: "adopted", at };
    case "HandshakeAbandoned":
      return { change: "negotiation_abandoned", reason: event.reason, at };
    case "HealthChanged":
      return { change: "health_changed", reason: event.reason, at };
    case "HandshakeRetired":
      return isShown(session, event) ? { change: "retired", reason: event.reason, at } : undefined;
    case "DeliveryDue":
    case "HandshakeDelivered":
    case "GenerationNamed":
    case "NegotiationDelayed":
    case "BackoffReset":
    case "DiedEarly":
    case "ReportReceived":
    case "ReportPlaced":
      return undefined;
  }
}

function evolveLifecycle(
  session: Session,
  event: Exclude<
    LifecycleEvent,
    { kind: "SessionAttached" | "TombstoneExpired" | "IncarnationChanged" }
  >,
): SessionRecord {
  const revision = session.revision + 1;
  switch (event.kind) {
    case "SessionUpdated": {
      const { managerUrl, requiredChannels, hostReports, at } = event;
      const transport = { ...session.transport, managerUrl, requiredChannels, hostReports };
      return { ...session, revision, transport, activeAt: Math.max(session.activeAt, at) };
    }
    case "SessionTouched":
      return { ...session, revision, activeAt: event.at };
    case "SessionDetached":
      return bury(session, event.at, event.reason);
    case "GapTaken":
      return takeGap(session, event);
  }
}

type Attached = Extract<LifecycleEvent, { kind: "SessionAttached" }>;

/** A new session, or one that continues from its tombstone. */
function attach(record: SessionRecord | undefined, event: Attached, sessionId: string): Session {
  if (record?.kind === "attached")
    throw new Error("SessionAttached happened to an attached session");
  const fresh = Math.floor(event.at);
  return {
    kind: "attached",
    id: sessionId,
    beachId: event.beachId,
    knownSince: record?.knownSince ?? event.at,
    revision: (record?.revision ?? 0) + 1,
    version: Math.max(fresh, (record?.version ?? 0) + 1),
    activeAt: event.at,
    gapsTaken: event.gapsTaken,
    incarnation: event.incarnation,
    leases: record?.leases ?? emptyBook(fresh),
    transport: initialTransport(event, record),
    missedSince: undefined,
    lastChange: { change: "attached", reason: "attached", at: event.at },
  };
}

/** Versions begin at service time, so that a lost store repeats none of them. */
function emptyBook(at: EpochMs): LeaseBook {
  return { epoch: 0, version: at, live: [], ended: [], holds: [] };
}

function bury(session: Session, at: EpochMs, reason: string): Tombstone {
  const { newestHandshakeId, generation, generationFloor, youngestRetiredId } = session.transport;
  return {
    kind: "detached",
    id: session.id,
    beachId: session.beachId,
    knownSince: session.knownSince,
    revision: session.revision + 1,
    version: session.version + 1,
    gapsTaken: session.gapsTaken,
    incarnation: session.incarnation,
    detachedAt: at,
    reason,
    leases: session.leases,
    generation,
    generationFloor,
    newestHandshakeId:
      newestHandshakeId === undefined
        ? youngestRetiredId
        : younger(youngestRetiredId, newestHandshakeId),
  };
}

type GapTaken = Extract<LifecycleEvent, { kind: "GapTaken" }>;

function takeGap(session: Session, gap: GapTaken): Session {
  const expiresAt = new Map(gap.expiries.map((expiry) => [expiry.leaseId, expiry.expiresAt]));
  const live = session.leases.live.map((lease) => ({
    ...lease,
    expiresAt: expiresAt.get(lease.id) ?? lease.expiresAt,
  }));
  const { transport, shown } = shiftTransport(session.transport, gap);
  return {
    ...session,
    revision: session.revision + 1,
    version: shown ? session.version + 1 : session.version,
    activeAt: session.activeAt + (gap.until - gap.from),
    gapsTaken: gap.number,
    leases: { ...session.leases, live, holds: session.leases.holds.map((hold) => held(hold, gap)) },
    transport,
  };
}

/** A hold lasts as long as was asked, however service time moved in a gap. */
function held(hold: Hold, { from, until }: GapTaken): Hold {
  return hold.until > from ? { ...hold, until: hold.until + until - from } : hold;
}

/** More than any counter of a session rises before the store's loss is noticed. */
const leastLift = 1_000;

type IncarnationChanged = Extract<LifecycleEvent, { kind: "IncarnationChanged" }>;

/**
 * Lifts every counter above what the lost incarnation may have used: above service time, and by more
 * than a burst may have been ahead of it. Where some may still be in that incarnation, they use epochs
 * and generations of their own service time: these are lifted above what that can be by then. The shown
 * generation stays, since the transport has not changed; the next one is higher.
 */
function liftCounters(
  record: SessionRecord,
  { at, incarnation, splitUntil }: IncarnationChanged,
): SessionRecord {
  const lifted = (count: number): number => Math.max(count, Math.floor(at)) + leastLift;
  const fence = (used: number): number => Math.max(lifted(used), Math.floor(splitUntil));
  const { leases } = record;
  const counters = {
    revision: record.revision + leastLift,
    version: lifted(record.version),
    incarnation,
    leases: { ...leases, epoch: fence(leases.epoch), version: lifted(leases.version) },
  };
  const floorAbove = (used: Pick<Transport, "generation" | "generationFloor">): number =>
    fence(Math.max(used.generation, used.generationFloor));
  if (record.kind === "detached") {
    return { ...record, ...counters, generationFloor: floorAbove(record) };
  }
  const { transport } = record;
  const generationFloor = floorAbove(transport);
  return { ...record, ...counters, transport: { ...transport, generationFloor } };
}
