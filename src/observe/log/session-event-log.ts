import type { SessionEvent } from "../../core/event.ts";
import type { HandshakeId } from "../../core/ids.ts";
import type { SessionRecord, Witnessed } from "../../core/session.ts";
import { currentOf, nextOf, pathOf } from "../../core/view.ts";
import type { ServiceEvent } from "../../service/service-events.ts";
import type { LineShare } from "./line-share.ts";
import type { Logger } from "./logger.ts";

type Happened = Extract<ServiceEvent, { kind: "happened" }>;
type Level = "trace" | "debug" | "info" | "warn";

/**
 * Writes one line: what happened, to which session, and for a transport from what to what. Lines at
 * info and above that are beyond the share of their private beach are written at debug.
 */
export function logSessionEvent(log: Logger, happened: Happened, share: LineShare): void {
  const { sessionId, event, previous, next } = happened;
  const level = withinShare(log, happened, share) ? levelOf(event) : "debug";
  if (!log.isLevelEnabled(level)) return;
  const transition = transitionOf(event, previous, next);
  log[level]({ session: sessionId, ...detailsOf(event), ...transition }, phrases[event.kind]);
}

function withinShare(log: Logger, { event, previous, next }: Happened, share: LineShare): boolean {
  const level = levelOf(event);
  const beach = next?.beachId ?? previous?.beachId;
  if (beach === undefined || level === "trace" || level === "debug") return true;
  const verdict = share.judge(beach, event.at);
  if (verdict === "write none from here on") {
    log.warn({ beach }, "too many lines about one private beach; more are at debug");
  }
  return verdict === "write";
}

/** Everything that callers cause at will, or that time causes in bulk, is below info. */
function levelOf(event: SessionEvent): Level {
  switch (event.kind) {
    case "LeaseExtended":
    case "ReportReceived":
    case "ReportPlaced":
      return "trace";
    case "LeaseGranted":
    case "LeaseRekeyed":
    case "GapTaken":
    case "IncarnationChanged":
    case "SessionTouched":
    case "TombstoneExpired":
    case "GenerationNamed":
    case "BackoffReset":
    case "DiedEarly":
    case "DeliveryDue":
      return "debug";
    case "LeaseEnded":
      return event.endedBy === "revoked" ? "info" : "debug";
    case "HealthChanged":
      return event.to === "lost" ? "warn" : "info";
    case "HandshakeAbandoned":
    case "GenerationRaised":
      return "warn";
    case "SessionAttached":
    case "SessionUpdated":
    case "SessionDetached":
    case "HoldPlaced":
    case "HoldsLifted":
    case "HandshakeStarted":
    case "HandshakeDelivered":
    case "HandshakePromoted":
    case "HandshakeRetired":
    case "NegotiationDelayed":
      return "info";
  }
}

const phrases: Readonly<Record<SessionEvent["kind"], string>> = {
  SessionAttached: "session attached",
  SessionUpdated: "session attached again",
  SessionDetached: "session detached",
  SessionTouched: "session kept by its watchers",
  TombstoneExpired: "detached session forgotten",
  GapTaken: "deadlines moved by a gap",
  IncarnationChanged: "counters raised for a new incarnation of the store",
  LeaseGranted: "lease granted",
  LeaseExtended: "lease extended",
  LeaseRekeyed: "lease accepts a second token",
  LeaseEnded: "lease ended",
  HoldPlaced: "hold placed",
  HoldsLifted: "holds lifted",
  HandshakeStarted: "handshake started",
  DeliveryDue: "handshake to be sent to its host",
  HandshakeDelivered: "handshake delivered",
  HandshakePromoted: "handshake promoted",
  GenerationNamed: "an end knows a generation that was lost",
  GenerationRaised: "generation raised above one that was lost",
  HandshakeAbandoned: "handshake abandoned",
  HandshakeRetired: "handshake retired",
  NegotiationDelayed: "next negotiation delayed",
  BackoffReset: "negotiations no longer delayed",
  DiedEarly: "transport died soon after its promotion",
  ReportReceived: "report received",
  ReportPlaced: "report without news",
  HealthChanged: "transport health changed",
};

/** Picked by hand: a record as it stands holds hashes of tokens. */
function detailsOf(event: SessionEvent): Record<string, unknown> {
  switch (event.kind) {
    case "SessionAttached":
      return { beach: event.beachId, manager_url: event.managerUrl };
    case "SessionUpdated":
      return { manager_url: event.managerUrl };
    case "SessionDetached":
      return { cause: event.reason };
    case "GapTaken":
      return { gap: event.number, gap_ms: event.until - event.from };
    case "IncarnationChanged":
      return { incarnation: event.incarnation };
    case "LeaseGranted": {
      const { id, epoch, reason, ttlMs } = event.lease;
      return { lease: id, epoch, reason, ttl_ms: ttlMs };
    }
    case "LeaseExtended":
    case "LeaseRekeyed":
      return { lease: event.leaseId };
    case "LeaseEnded":
      return { lease: event.leaseId, cause: event.endedBy, why: event.cause };
    case "HoldPlaced":
      return { covers: event.hold.kind, hold_ms: event.hold.until - event.at };
    case "HandshakeStarted": {
      const { id, attempt, reason } = event.handshake;
      return { handshake: id, attempt, cause: reason };
    }
    case "DeliveryDue": {
      const { handshakeId, tries, nextTryAt, leaseId } = event;
      return { handshake: handshakeId, tries, next_try_ms: nextTryAt - event.at, lease: leaseId };
    }
    case "HandshakeDelivered":
      return { handshake: event.handshakeId, by: event.by };
    case "HandshakePromoted":
      return {
        handshake: event.promoted.id,
        generation: event.generation,
        cause: event.reason,
      };
    case "GenerationNamed":
      return { generation: event.generation };
    case "GenerationRaised":
      return { handshake: event.handshakeId, generation: event.generation };
    case "HandshakeAbandoned":
    case "HandshakeRetired":
      return { handshake: event.handshakeId, cause: event.reason };
    case "NegotiationDelayed": {
      const { failures, notBefore } = event.backoff;
      return { which: event.which, failures, delay_ms: notBefore - event.at };
    }
    case "ReportPlaced":
      return { end: event.reporter.end };
    case "ReportReceived":
      return { end: event.end, handshake: event.received?.handshakeId };
    case "HealthChanged":
      return { handshake: event.handshakeId, from: event.from, to: event.to, cause: event.reason };
    case "SessionTouched":
    case "TombstoneExpired":
    case "HoldsLifted":
    case "BackoffReset":
    case "DiedEarly":
      return {};
  }
}

/**
 * From what to what the transport went, and what each end calls the connection that it is about;
 * nothing for an event that changes no transport.
 */
function transitionOf(
  event: SessionEvent,
  previous: SessionRecord | undefined,
  next: SessionRecord | undefined,
): Record<string, unknown> {
  const subject = subjectOf(event, previous);
  if (subject === undefined) return {};
  const known = [...handshakesOf(next), ...handshakesOf(previous)];
  return {
    previous: standOf(previous),
    next: standOf(next),
    ...transportsOf(known.find(({ id }) => id === subject)),
  };
}

/** The handshake that a transition is about. */
function subjectOf(
  event: SessionEvent,
  previous: SessionRecord | undefined,
): HandshakeId | undefined {
  if (event.kind === "DeliveryDue" || event.kind === "HandshakeDelivered") return undefined;
  if (event.kind === "HandshakeStarted") return event.handshake.id;
  if (event.kind === "HandshakePromoted") return event.promoted.id;
  if (event.kind === "SessionDetached") return handshakesOf(previous)[0]?.id;
  return "handshakeId" in event ? event.handshakeId : undefined;
}

/** Those whose evidence the record keeps, the promoted one first. */
function handshakesOf(record: SessionRecord | undefined): readonly Witnessed[] {
  if (record?.kind !== "attached") return [];
  const { path, abandoned } = record.transport;
  const held: readonly (Witnessed | undefined)[] = [currentOf(path), nextOf(path), ...abandoned];
  return held.filter((one) => one !== undefined);
}

function standOf(record: SessionRecord | undefined): Record<string, unknown> | undefined {
  if (record?.kind !== "attached") return undefined;
  const { transport } = record;
  const current = currentOf(transport.path);
  return {
    path: pathOf(transport),
    health: current?.health,
    generation: transport.generation,
    handshake: current?.id,
    in_flight: nextOf(transport.path)?.id,
    ...transportsOf(current),
  };
}

function transportsOf(handshake: Witnessed | undefined): Record<string, unknown> {
  return {
    manager_transport: handshake?.manager?.transportId,
    host_transport: handshake?.host?.transportId,
  };
}
