import type { BeachId } from "../core/ids.ts";
import type { SessionRecord } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import { nextOf, pathOf } from "../core/view.ts";
import type { FleetSummary } from "./lease-service.ts";
import { RateWindow } from "./rate-window.ts";
import type { ChangeNotice } from "./session-store.ts";

/** Figures kept up to date by every change, so that asking for them scans nothing. */
export class FleetTally {
  readonly #fleet = new Figures();
  readonly #beaches = new Map<BeachId, Figures>();
  readonly #inFlight = new Map<string, number>();

  /** Takes account of a change; renewals are told apart cheaply, since they are most of them. */
  note({ previous, next }: ChangeNotice): void {
    if (previous && next && isSameFigure(previous, next)) return;
    if (previous) this.#add(previous, -1);
    if (next) this.#add(next, 1);
  }

  noteRenewal(beachId: BeachId, now: EpochMs): void {
    this.#fleet.renewals.add(now);
    this.#beaches.get(beachId)?.renewals.add(now);
  }

  noteNegotiation(beachId: BeachId, now: EpochMs): void {
    this.#fleet.renegotiations.add(now);
    this.#beaches.get(beachId)?.renegotiations.add(now);
  }

  /** Handshakes in flight towards one manager. */
  negotiationsInFlight(managerUrl: string): number {
    return this.#inFlight.get(managerUrl) ?? 0;
  }

  get sessions(): number {
    return this.#fleet.counts.sessions;
  }

  summarize(beachId: BeachId | undefined, now: EpochMs): FleetSummary {
    const figures = beachId === undefined ? this.#fleet : this.#beaches.get(beachId);
    return (figures ?? new Figures()).summarize(now);
  }

  #add(record: SessionRecord, sign: 1 | -1): void {
    if (record.kind !== "attached") return;
    const beach = this.#beaches.get(record.beachId) ?? new Figures();
    this.#beaches.set(record.beachId, beach);
    const next = nextOf(record.transport.path);
    for (const { counts } of [this.#fleet, beach]) {
      counts.sessions += sign;
      counts.liveLeases += sign * record.leases.live.length;
      counts[pathOf(record.transport)] += sign;
      if (next) counts.negotiationsInFlight += sign;
    }
    if (beach.counts.sessions === 0) this.#beaches.delete(record.beachId);
    if (next) this.#addInFlight(next.managerUrl, sign);
  }

  #addInFlight(managerUrl: string, sign: 1 | -1): void {
    const count = this.negotiationsInFlight(managerUrl) + sign;
    if (count > 0) this.#inFlight.set(managerUrl, count);
    else this.#inFlight.delete(managerUrl);
  }
}

function isSameFigure(previous: SessionRecord, next: SessionRecord): boolean {
  return (
    previous.kind === "attached" &&
    next.kind === "attached" &&
    previous.transport === next.transport &&
    previous.leases.live.length === next.leases.live.length
  );
}

const minute = 60_000;

class Figures {
  readonly counts = {
    sessions: 0,
    liveLeases: 0,
    pending: 0,
    fast_path: 0,
    http_fallback: 0,
    negotiationsInFlight: 0,
  };
  readonly renewals = new RateWindow(minute);
  readonly renegotiations = new RateWindow(60 * minute);

  summarize(now: EpochMs): FleetSummary {
    const { fast_path: fastPath, http_fallback: httpFallback, ...counts } = this.counts;
    return {
      ...counts,
      fastPath,
      httpFallback,
      renewalsLastMinute: this.renewals.total(now),
      renegotiationsLastHour: this.renegotiations.total(now),
    };
  }
}
