import type { SessionEvent } from "../core/event.ts";
import type { Session, SessionRecord } from "../core/session.ts";
import { currentOf, nextOf, pathOf } from "../core/view.ts";
import type { ServiceEvent } from "../service/service-events.ts";
import type { Logger } from "./logger.ts";

type Happened = Extract<ServiceEvent, { kind: "happened" }>;
type Level = "trace" | "debug" | "info" | "warn";

/** Writes one line: what happened, to which session, and for a transport from what to what. */
export function logSessionEvent(log: Logger, { sessionId, event, previous, next }: Happened): void {
  const level = levelOf(event);
  if (!log.isLevelEnabled(level)) return;
  const transition = isTransition(event) ? transitionOf(previous, next) : {};
  log[level]({ session: sessionId, ...detailsOf(event), ...transition }, phrases[event.kind]);
}

/** Everything that callers cause at will, or that time causes in bulk, is below info. */
function levelOf(event: SessionEvent): Level {
  switch (event.kind) {
    case "LeaseExtended":
    case "ReportHeard":
      return "trace";
    case "LeaseGranted":
    case "LeaseRekeyed":
    case "GapTaken":
    case "HistoryLost":
    case "SessionTouched":
    case "TombstoneExpired":
    case "BackoffReset":
    case "DiedEarly":
      return "debug";
    case "LeaseEnded":
      return event.endedBy === "revoked" ? "info" : "debug";
    case "HealthChanged":
      return event.to === "lost" ? "warn" : "info";
    case "HandshakeAbandoned":
      return "warn";
    case "SessionAttached":
    case "SessionUpdated":
    case "SessionDetached":
    case "HoldPlaced":
    case "HoldsLifted":
    case "HandshakeStarted":
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
  HistoryLost: "counters lifted over a lost history",
  LeaseGranted: "lease granted",
  LeaseExtended: "lease extended",
  LeaseRekeyed: "lease answers to a second token",
  LeaseEnded: "lease ended",
  HoldPlaced: "hold placed",
  HoldsLifted: "holds lifted",
  HandshakeStarted: "handshake started",
  HandshakePromoted: "handshake promoted",
  HandshakeAbandoned: "handshake abandoned",
  HandshakeRetired: "handshake retired",
  NegotiationDelayed: "next negotiation delayed",
  BackoffReset: "negotiations no longer delayed",
  DiedEarly: "transport died soon after its promotion",
  ReportHeard: "report heard",
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
    case "HistoryLost":
      return { history: event.history };
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
    case "HandshakePromoted":
      return { handshake: event.promoted.id, cause: event.reason };
    case "HandshakeAbandoned":
    case "HandshakeRetired":
      return { handshake: event.handshakeId, cause: event.reason };
    case "NegotiationDelayed": {
      const { failures, notBefore } = event.backoff;
      return { which: event.which, failures, delay_ms: notBefore - event.at };
    }
    case "ReportHeard":
      return { end: event.end, handshake: event.heard?.handshakeId };
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

function isTransition(event: SessionEvent): boolean {
  return (
    event.kind === "HandshakeStarted" ||
    event.kind === "HandshakePromoted" ||
    event.kind === "HandshakeAbandoned" ||
    event.kind === "HandshakeRetired" ||
    event.kind === "HealthChanged"
  );
}

/** The change as a whole, and what each end calls the connection that it is about. */
function transitionOf(
  previous: SessionRecord | undefined,
  next: SessionRecord | undefined,
): Record<string, unknown> {
  const after = next?.kind === "attached" ? next : undefined;
  const current = after && currentOf(after.transport.path);
  return {
    previous: previous?.kind === "attached" ? standOf(previous) : undefined,
    next: after && standOf(after),
    manager_transport: current?.manager?.transportId,
    host_transport: current?.host?.transportId,
  };
}

function standOf({ transport }: Session): Record<string, unknown> {
  const current = currentOf(transport.path);
  return {
    path: pathOf(transport),
    health: current?.health,
    generation: transport.generation,
    handshake: current?.id,
    in_flight: nextOf(transport.path)?.id,
  };
}
