import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { FleetCounts, FleetRates, Tally } from "../figures/fleet-counts.ts";
import { RateKeeper } from "../figures/fleet-rates.ts";
import { Populations } from "../figures/populations.ts";
import type { GapKeeper } from "../gaps/gap-keeper.ts";
import { ProcessGapKeeper } from "../gaps/process-gap-keeper.ts";
import type { ServiceObserver } from "../service-events.ts";
import type { Peeked, SessionChange, SoleStore } from "../session-store.ts";
import type { Clock } from "../time/clock.ts";
import type { ChangeWatcher, Fleet, FleetFigures } from "./fleet.ts";

interface FleetOfOneDeps {
  readonly store: SoleStore;
  readonly clock: Clock;
  readonly observe: ServiceObserver;
}

/** A fleet of one process. Its store counts what it holds; it knows its rates and gaps itself. */
export class FleetOfOne implements Fleet {
  readonly lookAgainMs: DurationMs = 60_000;
  readonly storeFaults: readonly string[] = [];
  readonly figures: FleetFigures;
  readonly populations: Populations;
  readonly gaps: GapKeeper;
  readonly #store: SoleStore;

  constructor(deps: FleetOfOneDeps) {
    const { tally } = deps.store;
    this.#store = deps.store;
    this.figures = new OwnFigures(tally);
    this.populations = new Populations(tally);
    const isNeeded = (): boolean => tally.count(undefined).sessions > 0;
    this.gaps = new ProcessGapKeeper({ ...deps, isNeeded });
  }

  async start(watcher: ChangeWatcher): Promise<void> {
    this.#store.changes((notice) => watcher.notify(notice));
  }

  /** The store itself holds everything in memory. */
  recall(): undefined {
    return undefined;
  }

  /** The store is in memory, so nothing is kept beside it. */
  spares(): boolean {
    return false;
  }

  keep(): void {}

  withKept(_id: SessionId, record: SessionRecord | undefined): SessionRecord | undefined {
    return record;
  }

  peek(id: SessionId): Peeked {
    return this.#store.peek(id);
  }

  commitNow(change: SessionChange): boolean {
    return this.#store.commitNow(change);
  }
}

class OwnFigures implements FleetFigures {
  readonly #tally: Tally;
  readonly #rates = new RateKeeper();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  async count(beachId: BeachId | undefined): Promise<FleetCounts> {
    return this.#tally.count(beachId);
  }

  negotiationsInFlight(managerUrl: string): number {
    return this.#tally.negotiationsInFlight(managerUrl);
  }

  noteRenewals(beachId: BeachId, now: EpochMs, count: number): void {
    this.#rates.noteRenewals(beachId, now, count);
  }

  noteNegotiation(beachId: BeachId, now: EpochMs): void {
    this.#rates.noteNegotiation(beachId, now);
  }

  ratesAt(now: EpochMs, beachId: BeachId | undefined): Promise<FleetRates> {
    return this.#rates.ratesAt(now, beachId);
  }
}
