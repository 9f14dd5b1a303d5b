import type { BeachId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { EpochMs } from "../../core/time.ts";
import { nextOf, pathOf } from "../../core/view.ts";

/** Counts over a fleet or a private beach. */
export interface FleetCounts {
  readonly sessions: number;
  readonly liveLeases: number;
  readonly pending: number;
  readonly fastPath: number;
  readonly httpFallback: number;
  readonly negotiationsInFlight: number;
}

/** Recent rates. */
export interface FleetRates {
  readonly renewalsLastMinute: number;
  readonly renegotiationsLastHour: number;
}

/** Counts events of the beaches, and answers with recent rates. */
export interface RateCounter {
  noteRenewals(beachId: BeachId, now: EpochMs, count: number): void;
  noteNegotiation(beachId: BeachId, now: EpochMs): void;
  /** Over the fleet, or at one beach. */
  ratesAt(now: EpochMs, beachId: BeachId | undefined): Promise<FleetRates>;
}

/** Counts that are current and at hand. */
export interface Tally {
  /** Over all sessions, or those of one beach. */
  count(beachId: BeachId | undefined): FleetCounts;
  /** Handshakes in flight towards one manager. */
  negotiationsInFlight(managerUrl: string): number;
}

export const nothingCounted: FleetCounts = {
  sessions: 0,
  liveLeases: 0,
  pending: 0,
  fastPath: 0,
  httpFallback: 0,
  negotiationsInFlight: 0,
};

/** What one record adds to the counts. */
export function countsOf(record: SessionRecord | undefined): FleetCounts {
  if (record?.kind !== "attached") return nothingCounted;
  const path = pathOf(record.transport);
  return {
    sessions: 1,
    liveLeases: record.leases.live.length,
    pending: path === "pending" ? 1 : 0,
    fastPath: path === "fast_path" ? 1 : 0,
    httpFallback: path === "http_fallback" ? 1 : 0,
    negotiationsInFlight: nextOf(record.transport.path) === undefined ? 0 : 1,
  };
}

/** Each of `a` plus, or minus, its counterpart in `b`. */
export function addCounts(a: FleetCounts, b: FleetCounts, sign: 1 | -1 = 1): FleetCounts {
  return {
    sessions: a.sessions + sign * b.sessions,
    liveLeases: a.liveLeases + sign * b.liveLeases,
    pending: a.pending + sign * b.pending,
    fastPath: a.fastPath + sign * b.fastPath,
    httpFallback: a.httpFallback + sign * b.httpFallback,
    negotiationsInFlight: a.negotiationsInFlight + sign * b.negotiationsInFlight,
  };
}

/** Whether two states of a session count the same; cheap for a renewal, and most are renewals. */
export function isSameCount(previous: SessionRecord, next: SessionRecord): boolean {
  return (
    previous.kind === "attached" &&
    next.kind === "attached" &&
    previous.transport === next.transport &&
    previous.leases.live.length === next.leases.live.length
  );
}
