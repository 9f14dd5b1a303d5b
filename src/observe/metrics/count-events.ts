import type { SessionEvent } from "../../core/event.ts";
import { currentOf, evidenceAge } from "../../core/view.ts";
import type { ServiceEvent } from "../../service/service-events.ts";
import type { Metrics } from "./metrics.ts";

type Happened = Extract<ServiceEvent, { kind: "happened" }>;

/** Counts each event of the service. The cells of nearly all renewals are looked up once. */
export function countEvents(metrics: Metrics): (event: ServiceEvent) => void {
  const extended = metrics.events.cell("LeaseExtended");
  const refreshed = metrics.renewals.cell("Renew", "refresh", "false");
  const late = metrics.lateSeconds.of();
  return (event) => {
    switch (event.kind) {
      case "happened":
        countHappened(metrics, event);
        break;
      case "refreshed":
        extended.sum += event.renewals.length;
        refreshed.sum += event.renewals.length;
        break;
      case "renewed":
        metrics.renewals.count(event.command, event.outcome, String(event.joined));
        break;
      case "joined":
        metrics.renegotiations.count(event.reason, "joined");
        break;
      case "negotiated":
        metrics.renegotiations.count(event.reason, event.outcome);
        break;
      case "missed":
        metrics.missedSeconds
          .of(event.missing, event.endedBy)
          .take((event.until - event.from) / 1000);
        break;
      case "due":
        late.take(event.lateMs / 1000);
        break;
      case "refused":
        metrics.refusals.count(event.command, event.reason);
        break;
      case "gap":
        metrics.gaps.count(event.gap.kind);
        metrics.gapSeconds.add((event.gap.until - event.gap.from) / 1000, event.gap.kind);
        break;
      case "clock":
        metrics.clockJumps.count(event.jump.kind);
        break;
      case "delivery":
        metrics.deliveries.count(event.outcome);
        break;
      case "watch":
        countWatch(metrics, event);
        break;
      case "failed":
        metrics.failures.count(event.where);
        break;
    }
  };
}

function countHappened(metrics: Metrics, happened: Happened): void {
  metrics.events.count(happened.event.kind);
  countOutcome(metrics, happened.event);
  ageEvidence(metrics, happened);
}

function countOutcome(metrics: Metrics, event: SessionEvent): void {
  switch (event.kind) {
    case "LeaseEnded":
      metrics.leaseEnds.count(event.endedBy);
      break;
    case "HealthChanged":
      metrics.healthChanges.count(event.from, event.to, event.reason);
      break;
    case "HandshakeStarted":
      metrics.starts.count(event.handshake.reason);
      break;
    case "HandshakePromoted":
      metrics.promotions.count(event.reason);
      break;
    case "HandshakeAbandoned":
      metrics.abandonments.count(event.reason);
      break;
    case "HandshakeRetired":
      metrics.retirements.count(event.reason);
      break;
    default:
      break;
  }
}

/** The age that evidence about the promoted transport reached: until newer came, or until now. */
function ageEvidence({ evidenceSeconds }: Metrics, { event, previous }: Happened): void {
  if (previous?.kind !== "attached") return;
  const current = currentOf(previous.transport.path);
  if (current === undefined) return;
  for (const end of judgedEnds(event, current.id)) {
    const ageMs = evidenceAge(current, end, event.at);
    if (ageMs !== undefined) evidenceSeconds.of(end).take(Math.max(0, ageMs) / 1000);
  }
}

const none = [] as const;
const manager = ["manager"] as const;
const host = ["host"] as const;
const both = ["manager", "host"] as const;

/** Of which ends an event replaces or judges the evidence about a handshake. */
function judgedEnds(event: SessionEvent, handshakeId: string): readonly ("manager" | "host")[] {
  if (event.kind === "ReportReceived" && event.received?.handshakeId === handshakeId) {
    return event.end === "manager" ? manager : host;
  }
  if (event.kind !== "HealthChanged") return none;
  switch (event.reason) {
    case "silent":
      return both;
    case "manager_silent":
      return manager;
    case "host_silent":
      return host;
    default:
      return none;
  }
}

function countWatch(
  { watchStreams, watchEnds }: Metrics,
  { change, door, reader, ending }: Extract<ServiceEvent, { kind: "watch" }>,
): void {
  if (change === "opened") watchStreams.inc({ door, reader });
  if (change !== "closed") return;
  watchStreams.dec({ door, reader });
  watchEnds.count(door, reader, ending ?? "left");
}
