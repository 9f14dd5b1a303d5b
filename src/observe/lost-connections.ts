import type { Logger } from "./log/logger.ts";
import type { Metrics } from "./metrics/metrics.ts";

/** A connection that a door ended by itself, with what its caller had under way. */
export interface LostConnection {
  readonly door: "internal" | "public" | "ops";
  /** The caller broke the rules of the transport, or the door had as many as it may. */
  readonly cause: "transport_error" | "door_full";
  /** What the transport says of it. */
  readonly detail: string;
}

/** Between two lines about one cause at one door: a caller must not be able to fill the log. */
const lineEveryMs = 10_000;

interface Lines {
  /** Not logged yet. */
  unlogged: number;
  nextAt: number;
}

/** Counts each. The first is logged at once, the others together. */
export function observeLostConnections(
  log: Logger,
  metrics: Metrics,
  now: () => number,
): (lost: LostConnection) => void {
  const byKind = new Map<string, Lines>();
  return ({ door, cause, detail }) => {
    metrics.lostConnections.count(door, cause);
    const kind = `${door} ${cause}`;
    const lines = byKind.get(kind) ?? { unlogged: 0, nextAt: Number.NEGATIVE_INFINITY };
    byKind.set(kind, lines);
    lines.unlogged += 1;
    if (now() < lines.nextAt) return;
    log.warn(
      { door, cause, detail, connections: lines.unlogged },
      "connection ended by the service",
    );
    lines.unlogged = 0;
    lines.nextAt = now() + lineEveryMs;
  };
}
