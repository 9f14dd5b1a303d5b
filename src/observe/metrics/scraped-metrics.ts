import { Counter, Gauge } from "prom-client";

import type { Metrics } from "./metrics.ts";

/** Figures that are looked up at a scrape. */
export interface FleetFigures {
  readonly liveLeases: number;
  readonly pending: number;
  readonly fastPath: number;
  readonly httpFallback: number;
  readonly negotiationsInFlight: number;
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

/** Shows what keeps the process from serving, of the parts that can. */
export function exposeReadiness<Part extends string>(
  { registry }: Metrics,
  parts: readonly Part[],
  readiness: () => { readonly not_ready?: Readonly<Partial<Record<Part, string>>> },
): void {
  new Gauge({
    name: "lease_not_ready",
    help: "1 for a part that keeps the process from serving, and 0 for one that does not",
    labelNames: ["part"],
    registers: [registry],
    collect() {
      const missing = readiness().not_ready ?? {};
      for (const part of parts) this.set({ part }, part in missing ? 1 : 0);
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

/** What was sent on watch streams. */
export function exposeWatches(
  { registry }: Metrics,
  figures: () => { readonly states: number; readonly coalesced: number },
): void {
  new Counter({
    name: "lease_watch_states_sent_total",
    help: "States of sessions that were sent on watch streams",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(figures().states);
    },
  });
  new Counter({
    name: "lease_watch_states_coalesced_total",
    help: "States that were merged into a later one before their reader took them",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(figures().coalesced);
    },
  });
}

/** The handshakes that this process is to bring to hosts that do not watch. */
export function exposeOutbox(
  { registry }: Metrics,
  backlog: () => { readonly queued: number; readonly oldestMs: number },
): void {
  new Gauge({
    name: "lease_outbox_queued",
    help: "Handshakes that wait until Beach Road has taken them for hosts that do not watch",
    registers: [registry],
    collect() {
      this.set(backlog().queued);
    },
  });
  new Gauge({
    name: "lease_outbox_oldest_seconds",
    help: "For how long the oldest handshake of the outbox has waited; 0 without any",
    registers: [registry],
    collect() {
      this.set(backlog().oldestMs / 1000);
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
