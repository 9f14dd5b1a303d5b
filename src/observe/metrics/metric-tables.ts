import type { SpreadOptions } from "./spread.ts";
import type { TallyOptions } from "./tally.ts";

export type TallyName =
  | "events"
  | "renewals"
  | "refusals"
  | "leaseEnds"
  | "renegotiations"
  | "healthChanges"
  | "starts"
  | "promotions"
  | "abandonments"
  | "retirements"
  | "deliveries"
  | "roadCalls"
  | "gaps"
  | "gapSeconds"
  | "clockJumps"
  | "failures"
  | "calls"
  | "lostConnections"
  | "droppedLogLines"
  | "watchEnds"
  | "storeConflicts";

export type SpreadName =
  | "callSeconds"
  | "missedSeconds"
  | "evidenceSeconds"
  | "lateSeconds"
  | "storeSeconds";

const gapKinds = [["absence"], ["stall"]];

/** Where something can fail that no answer describes. */
const failurePlaces = [
  ["record"],
  ["lost session"],
  ["lost keys"],
  ["new incarnation"],
  ["unfit store"],
  ["store"],
  ["heartbeat"],
  ["deadlines"],
  ["watched sessions"],
  ["delivery"],
  ["batch"],
  ["unhandled rejection"],
];

/** Sums that only rise. */
export const tallies: Readonly<Record<TallyName, TallyOptions>> = {
  events: {
    name: "lease_session_events_total",
    help: "What happened to sessions",
    labels: ["event"],
  },
  renewals: {
    name: "lease_renewals_total",
    help: "Leases acquired or renewed, by what became of the fast path",
    labels: ["command", "outcome", "joined"],
  },
  refusals: {
    name: "lease_refusals_total",
    help: "Commands refused",
    labels: ["command", "reason"],
  },
  leaseEnds: {
    name: "lease_leases_ended_total",
    help: "Leases that ended, by what ended them",
    labels: ["ended_by"],
  },
  renegotiations: {
    name: "lease_renegotiations_total",
    help: "Negotiations that ended, by why they had been started; and calls that joined one",
    labels: ["reason", "outcome"],
  },
  healthChanges: {
    name: "lease_transport_health_changes_total",
    help: "Changes of the health of promoted transports",
    labels: ["previous", "next", "reason"],
  },
  starts: {
    name: "lease_handshakes_started_total",
    help: "Handshakes started, by why",
    labels: ["reason"],
  },
  promotions: {
    name: "lease_handshakes_promoted_total",
    help: "Handshakes promoted, by whose word",
    labels: ["reason"],
  },
  abandonments: {
    name: "lease_handshakes_abandoned_total",
    help: "Handshakes abandoned, by why they were not confirmed",
    labels: ["reason"],
  },
  retirements: {
    name: "lease_handshakes_retired_total",
    help: "Handshakes retired",
    labels: ["reason"],
  },
  deliveries: {
    name: "lease_handshake_deliveries_total",
    help: "Tries to send a handshake to a host that does not watch",
    labels: ["outcome"],
  },
  roadCalls: {
    name: "lease_road_calls_total",
    help: "Requests to Beach Road",
    labels: ["call", "outcome"],
  },
  gaps: {
    name: "lease_gaps_total",
    help: "Stretches in which the service could not receive reports",
    labels: ["kind"],
    known: gapKinds,
  },
  gapSeconds: {
    name: "lease_gap_seconds_total",
    help: "Time in which the service could not receive reports",
    labels: ["kind"],
    known: gapKinds,
  },
  clockJumps: {
    name: "lease_clock_jumps_total",
    help: "Steps of the wall clock, and suspends of the machine",
    labels: ["kind"],
  },
  failures: {
    name: "lease_failures_total",
    help: "Internal failures that no answer describes, by where they were",
    labels: ["where"],
    known: failurePlaces,
  },
  calls: {
    name: "lease_calls_total",
    help: "Calls that ended, by the code or the HTTP status of their answer",
    labels: ["door", "method", "code"],
  },
  lostConnections: {
    name: "lease_connections_lost_total",
    help: "Connections that the service ended by itself",
    labels: ["door", "cause"],
  },
  droppedLogLines: {
    name: "lease_log_lines_dropped_total",
    help: "Lines of the log that were dropped since nobody read them",
    labels: [],
  },
  watchEnds: {
    name: "lease_watch_streams_ended_total",
    help: "Watch streams that ended",
    labels: ["door", "reader", "reason"],
  },
  storeConflicts: {
    name: "lease_store_conflicts_total",
    help: "Commits that another change, or an unknown gap, came before; each is decided anew",
    labels: ["kind"],
  },
};

/** Bounds for what takes from a tenth of a millisecond to ten seconds. */
const upToTenSeconds = [
  1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
];

/** How values are spread. */
export const spreads: Readonly<Record<SpreadName, SpreadOptions>> = {
  callSeconds: {
    name: "lease_call_duration_seconds",
    help: "From the arrival of a whole request to its answer; of a stream, of each of its messages",
    labels: ["door", "method"],
    bounds: upToTenSeconds,
  },
  missedSeconds: {
    name: "lease_without_fast_path_seconds",
    help: "How long somebody held a lease and had no fast path: the first one, or one that was lost",
    labels: ["missing", "ended_by"],
    bounds: [0.25, 0.5, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300, 1_800],
  },
  evidenceSeconds: {
    name: "lease_evidence_age_seconds",
    help: "How old an end's evidence had become when newer came, or when its silence was judged",
    labels: ["end"],
    bounds: [0.5, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 20, 30, 60],
  },
  lateSeconds: {
    name: "lease_deadline_lateness_seconds",
    help: "How long after its moment a deadline had its effect",
    labels: [],
    bounds: [1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  storeSeconds: {
    name: "lease_store_duration_seconds",
    help: "Calls of the store until it answered; a commit, until it was durable",
    labels: ["operation"],
    bounds: upToTenSeconds,
  },
};
