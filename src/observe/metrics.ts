import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

import { createTally, type Tally } from "./tally.ts";

/** What is counted. Labels are words of a fixed list, never ids. */
export interface Metrics {
  readonly registry: Registry;
  /** By kind of event. */
  readonly events: Tally;
  /** By command, outcome and whether a negotiation was joined. */
  readonly renewals: Tally;
  /** By command and reason. */
  readonly refusals: Tally;
  /** By previous health, new health and reason. */
  readonly healthChanges: Tally;
  /** By outcome: handshakes sent to hosts that do not watch. */
  readonly deliveries: Tally;
  /** By call and outcome. */
  readonly roadCalls: Tally;
  /** By reason. */
  readonly starts: Tally;
  readonly promotions: Tally;
  readonly abandonments: Tally;
  readonly retirements: Tally;
  /** By kind: how many, and how long they were. */
  readonly gaps: Tally;
  readonly gapSeconds: Tally;
  /** By kind: steps of the wall clock, and suspends. */
  readonly clockJumps: Tally;
  /** By where it was. */
  readonly failures: Tally;
  /** By door, method and code. */
  readonly calls: Tally;
  /** By door and cause: connections that the service ended by itself. */
  readonly lostConnections: Tally;
  /** Lines that were dropped since the log was not read. */
  readonly droppedLogLines: Tally;
  readonly watchStreams: Gauge;
}

/** Figures that are looked up at a scrape. */
export interface FleetFigures {
  readonly liveLeases: number;
  readonly pending: number;
  readonly fastPath: number;
  readonly httpFallback: number;
  readonly negotiationsInFlight: number;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const tally = (name: string, help: string, ...labels: readonly string[]): Tally =>
    createTally(registry, { name, help, labels });
  return {
    registry,
    events: tally("lease_session_events_total", "What happened to sessions", "event"),
    renewals: tally(
      "lease_renewals_total",
      "Leases acquired or renewed",
      "command",
      "outcome",
      "joined",
    ),
    refusals: tally("lease_refusals_total", "Commands refused", "command", "reason"),
    healthChanges: tally(
      "lease_transport_health_changes_total",
      "Changes of the health of promoted transports",
      "previous",
      "next",
      "reason",
    ),
    starts: tally("lease_handshakes_started_total", "Handshakes started", "reason"),
    promotions: tally("lease_handshakes_promoted_total", "Handshakes promoted", "reason"),
    abandonments: tally("lease_handshakes_abandoned_total", "Handshakes abandoned", "reason"),
    retirements: tally("lease_handshakes_retired_total", "Handshakes retired", "reason"),
    gaps: tally(
      "lease_gaps_total",
      "Stretches in which the service could not receive reports",
      "kind",
    ),
    deliveries: tally(
      "lease_handshake_deliveries_total",
      "Handshakes sent to hosts that do not watch",
      "outcome",
    ),
    roadCalls: tally("lease_road_calls_total", "Requests to Beach Road", "call", "outcome"),
    gapSeconds: tally("lease_gap_seconds_total", "Length of those stretches", "kind"),
    clockJumps: tally(
      "lease_clock_jumps_total",
      "Steps of the wall clock, and suspends of the machine",
      "kind",
    ),
    failures: tally("lease_failures_total", "Internal failures that no answer describes", "where"),
    calls: tally("lease_calls_total", "Calls that ended", "door", "method", "code"),
    droppedLogLines: tally(
      "lease_log_lines_dropped_total",
      "Lines of the log that were dropped since nobody read them",
    ),
    lostConnections: tally(
      "lease_connections_lost_total",
      "Connections that the service ended by itself",
      "door",
      "cause",
    ),
    watchStreams: new Gauge({
      name: "lease_watch_streams",
      help: "Open watch streams",
      registers: [registry],
    }),
  };
}

/** Shows the figures of the fleet, as they are at each scrape; NaN while they cannot be had. */
export function exposeFleet({ registry }: Metrics, figures: () => Promise<FleetFigures>): void {
  // The gauges of one scrape collect at once: they share one look at the store.
  let looking: Promise<FleetFigures> | undefined;
  const known = (): Promise<FleetFigures> => {
    looking ??= figures()
      .catch(() => unknownFigures)
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };
  new Gauge({
    name: "lease_sessions",
    help: "Attached sessions by the path that carries their actions",
    labelNames: ["path"],
    registers: [registry],
    async collect() {
      const { pending, fastPath, httpFallback } = await known();
      this.set({ path: "pending" }, pending);
      this.set({ path: "fast_path" }, fastPath);
      this.set({ path: "http_fallback" }, httpFallback);
    },
  });
  new Gauge({
    name: "lease_live_leases",
    help: "Live leases over all sessions",
    registers: [registry],
    async collect() {
      this.set((await known()).liveLeases);
    },
  });
  new Gauge({
    name: "lease_negotiations_in_flight",
    help: "Handshakes between their start and their end",
    registers: [registry],
    async collect() {
      this.set((await known()).negotiationsInFlight);
    },
  });
}

/** Shows how the store is doing, as it is at each scrape. */
export function exposeStore(
  { registry }: Metrics,
  state: () => { readonly away: number; readonly faults: number },
): void {
  new Gauge({
    name: "lease_store_parts_away",
    help: "Parts of the store that this process cannot reach",
    registers: [registry],
    collect() {
      this.set(state().away);
    },
  });
  new Gauge({
    name: "lease_store_faults",
    help: "Faults of a store that answers",
    registers: [registry],
    collect() {
      this.set(state().faults);
    },
  });
}

/** A certificate that is in use; it ends at so many ms since 1970. */
interface Certified {
  readonly files: { readonly expiresAt: number };
}

/** Shows when the certificates end that are in use at each scrape. */
export function exposeCertificates(
  { registry }: Metrics,
  byDoor: { readonly [Door in "internal" | "public"]: Certified | undefined },
): void {
  new Gauge({
    name: "lease_tls_certificate_expires_seconds",
    help: "When the certificate of a door that speaks TLS ends, in seconds since 1970",
    labelNames: ["door"],
    registers: [registry],
    collect() {
      for (const [door, certificate] of Object.entries(byDoor)) {
        if (certificate !== undefined) this.set({ door }, certificate.files.expiresAt / 1000);
      }
    },
  });
}

const unknownFigures: FleetFigures = {
  liveLeases: Number.NaN,
  pending: Number.NaN,
  fastPath: Number.NaN,
  httpFallback: Number.NaN,
  negotiationsInFlight: Number.NaN,
};
