import type { ServiceEvent, ServiceObserver } from "../service/service-events.ts";
import { StoreFault } from "../service/session-store.ts";
import { LineShare } from "./log/line-share.ts";
import type { Logger } from "./log/logger.ts";
import { logSessionEvent } from "./log/session-event-log.ts";
import { countEvents } from "./metrics/count-events.ts";
import type { Metrics } from "./metrics/metrics.ts";

/** Logs and counts each event of the service: at most one line of its own. Never throws. */
export function observeEvents(log: Logger, metrics: Metrics): ServiceObserver {
  const share = new LineShare();
  const count = countEvents(metrics);
  return (event) => {
    try {
      count(event);
      write(log, event, share);
    } catch {
      // A log or a counter that fails must not take a lease with it.
    }
  };
}

/** A renewal is logged at trace, so that a log at info stays readable. */
function write(log: Logger, event: ServiceEvent, share: LineShare): void {
  switch (event.kind) {
    case "happened":
      logSessionEvent(log, event, share);
      break;
    case "refreshed":
      writeRefreshed(log, event, share);
      break;
    case "renewed":
      writeRenewal(log, event);
      break;
    case "joined": {
      const { sessionId, handshakeId, reason } = event;
      log.debug({ session: sessionId, handshake: handshakeId, cause: reason }, "handshake joined");
      break;
    }
    case "missed": {
      const { sessionId, missing, endedBy, from, until } = event;
      const missed_ms = Math.round(until - from);
      log.debug({ session: sessionId, missing, ended_by: endedBy, missed_ms }, "fast path missed");
      break;
    }
    case "negotiated":
    case "due":
      // The events that they come from have lines of their own.
      break;
    case "refused": {
      const { sessionId, command, reason } = event;
      log.debug({ session: sessionId, command, reason }, "command refused");
      break;
    }
    case "gap": {
      const { number, kind, from, until } = event.gap;
      const { buckets } = event;
      log.warn(
        { number, kind, gap_ms: until - from, buckets },
        "the service could not receive reports",
      );
      break;
    }
    case "clock":
      writeJump(log, event);
      break;
    case "delivery":
      writeDelivery(log, event);
      break;
    case "watch":
      log.debug({ open: event.open }, `watch stream ${event.change}`);
      break;
    case "failed":
      log.error(
        { where: event.where, session: event.sessionId, err: event.error },
        failureOf(event),
      );
      break;
  }
}

/** What failed, for the line of the log. */
function failureOf({ where, error }: Extract<ServiceEvent, { kind: "failed" }>): string {
  switch (where) {
    case "record":
      return "record unreadable";
    case "lost session":
    case "lost keys":
    case "new incarnation":
      return "store lost data";
    case "unfit store":
      return "store misconfigured";
    default:
      return error instanceof StoreFault ? "store call failed" : "internal error";
  }
}

function writeJump(log: Logger, { jump }: Extract<ServiceEvent, { kind: "clock" }>): void {
  const { kind, byMs } = jump;
  const by_ms = Math.round(byMs);
  if (kind === "stepped") log.warn({ by_ms }, "the wall clock was stepped");
  else log.warn({ suspended_ms: by_ms }, "the machine was suspended");
}

/** An accepted message shows in the session's own events; others are sent again. */
function writeDelivery(log: Logger, event: Extract<ServiceEvent, { kind: "delivery" }>): void {
  const { sessionId, handshakeId, outcome, tries, error } = event;
  const level = outcome === "taken" || outcome === "no_lease" ? "debug" : "info";
  const why = error instanceof Error ? error.message : undefined;
  log[level]({ session: sessionId, handshake: handshakeId, outcome, tries, why }, "handshake sent");
}

type Refreshed = Extract<ServiceEvent, { kind: "refreshed" }>;

/** Of each the same lines as of any renewal. */
function writeRefreshed(log: Logger, { renewals }: Refreshed, share: LineShare): void {
  if (!log.isLevelEnabled("trace")) return;
  for (const { session, event } of renewals) {
    const { id: sessionId } = session;
    const records = { previous: session, next: session };
    logSessionEvent(log, { kind: "happened", sessionId, event, ...records }, share);
    const renewed = { sessionId, command: "Renew", outcome: "refresh", joined: false } as const;
    writeRenewal(log, { kind: "renewed", ...renewed });
  }
}

function writeRenewal(log: Logger, event: Extract<ServiceEvent, { kind: "renewed" }>): void {
  const level = event.outcome === "refresh" ? "trace" : "debug";
  if (!log.isLevelEnabled(level)) return;
  const { sessionId, command, outcome, joined } = event;
  log[level]({ session: sessionId, command, outcome, joined }, "lease renewed");
}
