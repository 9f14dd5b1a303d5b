import type { SessionEvent } from "../core/event.ts";
import { currentOf, evidenceAge } from "../core/view.ts";
import type { ServiceEvent } from "../service/service-events.ts";
import type { Metrics } from "./metrics.ts";

type Happened = Extract<ServiceEvent, { kind: "happened" }>;

/** One count for each event of the service; what nearly all renewals add to is looked up once. */
export function countEvents(metrics: Metrics): (event: ServiceEvent) => void {
  const countRenewal = renewalCounter(metrics);
  const countHappened = happenedCounter(metrics);
  const late = metrics.lateSeconds.of();
  return (event) => {
    switch (event.kind) {
      case "happened":
        countHappened(event);
        break;
      case "renewed":
        countRenewal(event);
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

function renewalCounter({
  renewals,
}: Metrics): (event: Extract<ServiceEvent, { kind: "renewed" }>) => void {
  const refreshed = renewals.cell("Renew", "refresh", "false");
  return ({ command, outcome, joined }) => {
    if (command === "Renew" && outcome === "refresh" && !joined) refreshed.sum += 1;
    else renewals.count(command, outcome, String(joined));
  };
}

function happenedCounter(metrics: Metrics): (happened: Happened) => void {
  const extended = metrics.events.cell("LeaseExtended");
  return (happened) => {
    const { event } = happened;
    if (event.kind === "LeaseExtended") {
      extended.sum += 1;
      return;
    }
    metrics.events.count(event.kind);
    countOutcome(metrics, event);
    ageEvidence(metrics, happened);
  };
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
