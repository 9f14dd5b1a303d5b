import type { SessionEvent } from "../../core/event.ts";
import type { SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs } from "../../core/time.ts";
import { Populations } from "../figures/populations.ts";
import { FleetGapKeeper } from "../gaps/fleet-gap-keeper.ts";
import type { GapKeeper } from "../gaps/gap-keeper.ts";
import type { ServiceObserver } from "../service-events.ts";
import type { SharedStore } from "../session-store.ts";
import type { Clock } from "../time/clock.ts";
import type { ChangeWatcher, Fleet, FleetFigures } from "./fleet.ts";
import { ReportPlaces } from "./report-places.ts";

interface SharedFleetDeps {
  readonly store: SharedStore;
  readonly clock: Clock;
  readonly observe: ServiceObserver;
}

/**
 * One of several processes. The store counts for all of them, and notifies each of the others'
 * changes.
 */
export class SharedFleet implements Fleet {
  /** The process that set an earlier deadline may have ended before it came. */
  readonly lookAgainMs: DurationMs = 1_000;
  readonly figures: FleetFigures;
  readonly populations: Populations;
  readonly gaps: GapKeeper;
  readonly #store: SharedStore;
  readonly #places = new ReportPlaces();

  constructor(deps: SharedFleetDeps) {
    this.#store = deps.store;
    this.figures = deps.store;
    this.populations = new Populations(deps.store);
    this.gaps = new FleetGapKeeper(deps);
  }

  get storeFaults(): readonly string[] {
    return this.#store.faults;
  }

  async start(watcher: ChangeWatcher): Promise<void> {
    const store = this.#store;
    store.follow({
      isWanted: (id, beachId) => watcher.isWanted(id, beachId),
      changed: (id, next) => watcher.notify({ id, previous: undefined, next }),
      missed: (bucket) => watcher.missed((id) => store.bucketOf(id) === bucket),
    });
    store.changes((notice) => watcher.notify(notice));
  }

  recall(id: SessionId): SessionRecord | undefined {
    return this.#store.recall(id);
  }

  /** A report without news only takes its place in the order. */
  spares(events: readonly SessionEvent[]): boolean {
    return events.every(({ kind }) => kind === "ReportPlaced");
  }

  keep(id: SessionId, record: SessionRecord | undefined): void {
    this.#places.keep(id, record);
  }

  withKept(id: SessionId, record: SessionRecord | undefined): SessionRecord | undefined {
    return this.#places.within(id, record);
  }

  /** Every change is the store's to make. */
  peek(): "pending" {
    return "pending";
  }

  commitNow(): boolean {
    return false;
  }
}
