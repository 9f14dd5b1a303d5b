import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { FleetCounts, FleetRates } from "../figures/fleet-counts.ts";
import { RateKeeper } from "../figures/fleet-rates.ts";
import { FleetTally } from "../figures/fleet-tally.ts";
import { Populations } from "../figures/populations.ts";
import type { GapKeeper } from "../gaps/gap-keeper.ts";
import { ProcessGapKeeper } from "../gaps/process-gap-keeper.ts";
import type { ServiceObserver } from "../service-events.ts";
import type { SessionChange, SoleStore } from "../session-store.ts";
import type { Clock } from "../time/clock.ts";
import type { ChangeWatcher, Fleet, FleetFigures } from "./fleet.ts";

/** How many sessions are read at once when the process starts. */
const page = 1000;

interface FleetOfOneDeps {
  readonly store: SoleStore;
  readonly clock: Clock;
  readonly observe: ServiceObserver;
}

/** A fleet of one process. It does its own counting, and knows its gaps itself. */
export class FleetOfOne implements Fleet {
  readonly lookAgainMs: DurationMs = 60_000;
  readonly storeFaults: readonly string[] = [];
  readonly figures: OwnFigures = new OwnFigures();
  readonly populations: Populations = new Populations(this.figures.tally);
  readonly gaps: GapKeeper;
  readonly #store: SoleStore;

  constructor(deps: FleetOfOneDeps) {
    this.#store = deps.store;
    const isNeeded = (): boolean => this.figures.tally.count(undefined).sessions > 0;
    this.gaps = new ProcessGapKeeper({ ...deps, isNeeded });
  }

  async start(watcher: ChangeWatcher): Promise<void> {
    await this.#takeStock();
    this.#store.changes((notice) => {
      // Here and not after the commit: a commit whose acknowledgement was lost counts too.
      this.figures.tally.note(notice);
      watcher.notify(notice);
    });
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

  peek(id: SessionId): SessionRecord | undefined | "pending" {
    return this.#store.peek(id);
  }

  commitNow(change: SessionChange): boolean {
    return this.#store.commitNow(change);
  }

  async #takeStock(): Promise<void> {
    let after: SessionId | undefined;
    do {
      const records = await this.#store.list({ beachId: undefined, after, limit: page });
      for (const next of records)
        this.figures.tally.note({ id: next.id, previous: undefined, next });
      after = records.length < page ? undefined : records.at(-1)?.id;
    } while (after !== undefined);
  }
}

class OwnFigures implements FleetFigures {
  readonly tally: FleetTally = new FleetTally();
  readonly #rates = new RateKeeper();

  async count(beachId: BeachId | undefined): Promise<FleetCounts> {
    return this.tally.count(beachId);
  }

  negotiationsInFlight(managerUrl: string): number {
    return this.tally.negotiationsInFlight(managerUrl);
  }

  noteRenewal(beachId: BeachId, now: EpochMs): void {
    this.#rates.noteRenewal(beachId, now);
  }

  noteNegotiation(beachId: BeachId, now: EpochMs): void {
    this.#rates.noteNegotiation(beachId, now);
  }

  ratesAt(now: EpochMs, beachId: BeachId | undefined): Promise<FleetRates> {
    return this.#rates.ratesAt(now, beachId);
  }
}
