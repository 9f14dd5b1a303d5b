import type { BeachId } from "../../core/ids.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { FleetRates, RateCounter } from "./fleet-counts.ts";
import { RateWindow } from "./rate-window.ts";

const minute: DurationMs = 60_000;
/** Beaches whose rates are kept. The one quiet for longest is dropped first. */
const beachesMax = 10_000;

/** The rates of a process that serves its store alone. */
export class RateKeeper implements RateCounter {
  readonly #fleet = new Rates();
  readonly #beaches = new Map<BeachId, Rates>();

  noteRenewals(beachId: BeachId, now: EpochMs, count: number): void {
    for (const rates of this.#ratesOf(beachId)) rates.renewals.add(now, count);
  }

  noteNegotiation(beachId: BeachId, now: EpochMs): void {
    for (const rates of this.#ratesOf(beachId)) rates.renegotiations.add(now);
  }

  async ratesAt(now: EpochMs, beachId: BeachId | undefined): Promise<FleetRates> {
    const rates = beachId === undefined ? this.#fleet : this.#beaches.get(beachId);
    return {
      renewalsLastMinute: rates?.renewals.total(now) ?? 0,
      renegotiationsLastHour: rates?.renegotiations.total(now) ?? 0,
    };
  }

  #ratesOf(beachId: BeachId): readonly Rates[] {
    const beach = this.#beaches.get(beachId) ?? new Rates();
    this.#beaches.delete(beachId);
    this.#beaches.set(beachId, beach);
    for (const quietest of this.#beaches.keys()) {
      if (this.#beaches.size <= beachesMax) break;
      this.#beaches.delete(quietest);
    }
    return [this.#fleet, beach];
  }
}

class Rates {
  readonly renewals = new RateWindow(minute);
  readonly renegotiations = new RateWindow(60 * minute);
}
