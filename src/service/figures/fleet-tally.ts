import { SpreadMap } from "../../collections/spread-map.ts";
import type { BeachId } from "../../core/ids.ts";
import { nextOf } from "../../core/view.ts";
import type { ChangeNotice } from "../session-store.ts";
import {
  addCounts,
  countsOf,
  type FleetCounts,
  isSameCount,
  nothingCounted,
  type Tally,
} from "./fleet-counts.ts";

/** Counts kept up to date by every change, so that asking for them scans nothing. */
export class FleetTally implements Tally {
  #fleet = nothingCounted;
  readonly #beaches = new SpreadMap<BeachId, FleetCounts>();
  readonly #inFlight = new Map<string, number>();

  /** Counts a change. Renewals are recognised cheaply, since most changes are renewals. */
  note({ previous, next }: ChangeNotice): void {
    if (previous && next && isSameCount(previous, next)) return;
    if (previous) this.#add(previous, -1);
    if (next) this.#add(next, 1);
  }

  negotiationsInFlight(managerUrl: string): number {
    return this.#inFlight.get(managerUrl) ?? 0;
  }

  count(beachId: BeachId | undefined): FleetCounts {
    return beachId === undefined ? this.#fleet : (this.#beaches.get(beachId) ?? nothingCounted);
  }

  #add(record: NonNullable<ChangeNotice["next"]>, sign: 1 | -1): void {
    if (record.kind !== "attached") return;
    const counts = countsOf(record);
    this.#fleet = addCounts(this.#fleet, counts, sign);
    const beach = addCounts(this.count(record.beachId), counts, sign);
    if (beach.sessions === 0) this.#beaches.delete(record.beachId);
    else this.#beaches.set(record.beachId, beach);
    const next = nextOf(record.transport.path);
    if (next) this.#addInFlight(next.managerUrl, sign);
  }

  #addInFlight(managerUrl: string, sign: 1 | -1): void {
    const count = this.negotiationsInFlight(managerUrl) + sign;
    if (count > 0) this.#inFlight.set(managerUrl, count);
    else this.#inFlight.delete(managerUrl);
  }
}
