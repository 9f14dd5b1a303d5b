import type { Population } from "../../core/command.ts";
import type { BeachId } from "../../core/ids.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import { type FleetCounts, nothingCounted } from "./fleet-counts.ts";
import { RateWindow } from "./rate-window.ts";

const minute: DurationMs = 60_000;
/** How old counts may be before they are asked for again. */
const freshMs: DurationMs = 1_000;
/** Beaches that are remembered. The one asked for longest ago is dropped first. */
const beachesMax = 10_000;

interface Counter {
  /** Current and immediate where this process does the counting itself. */
  count(beachId: BeachId | undefined): FleetCounts | Promise<FleetCounts>;
}

/**
 * How much callers have created, at once for every decision. A shared store answers later: until then
 * the counts are those fetched last plus what this process has added since. A caller that creates
 * too much is refused within a second.
 */
export class Populations {
  readonly #counter: Counter;
  readonly #fleet = new Fetched();
  readonly #beaches = new Map<BeachId, Beach>();

  constructor(counter: Counter) {
    this.#counter = counter;
  }

  of(beachId: BeachId, now: EpochMs): Population {
    const beach = this.#beach(beachId);
    const here = this.#count(beachId, beach.fetched, now);
    const all = this.#count(undefined, this.#fleet, now);
    return {
      sessionsAtBeach: here.sessions,
      sessions: all.sessions,
      attachedLately: beach.attached.total(now),
      leasesAtBeach: here.liveLeases,
    };
  }

  noteAttached(beachId: BeachId, now: EpochMs): void {
    const beach = this.#beach(beachId);
    beach.attached.add(now);
    beach.fetched.sessionsSince += 1;
    this.#fleet.sessionsSince += 1;
  }

  #count(beachId: BeachId | undefined, fetched: Fetched, now: EpochMs): FleetCounts {
    if (!fetched.isAsked && now >= fetched.at + freshMs) {
      const counts = this.#counter.count(beachId);
      if (!(counts instanceof Promise)) return counts;
      void this.#fetch(counts, fetched, now);
    }
    return { ...fetched.counts, sessions: fetched.counts.sessions + fetched.sessionsSince };
  }

  async #fetch(asked: Promise<FleetCounts>, fetched: Fetched, now: EpochMs): Promise<void> {
    fetched.isAsked = true;
    const before = fetched.sessionsSince;
    try {
      fetched.counts = await asked;
      fetched.sessionsSince -= before;
    } catch {
      // The store is away. Calls that need it are refused for that reason.
    } finally {
      fetched.at = now;
      fetched.isAsked = false;
    }
  }

  #beach(beachId: BeachId): Beach {
    const beach = this.#beaches.get(beachId) ?? {
      fetched: new Fetched(),
      attached: new RateWindow(minute),
    };
    this.#beaches.delete(beachId);
    this.#beaches.set(beachId, beach);
    for (const oldest of this.#beaches.keys()) {
      if (this.#beaches.size <= beachesMax) break;
      this.#beaches.delete(oldest);
    }
    return beach;
  }
}

interface Beach {
  readonly fetched: Fetched;
  readonly attached: RateWindow;
}

/** The counts that were fetched last. */
class Fetched {
  counts = nothingCounted;
  at: EpochMs = Number.NEGATIVE_INFINITY;
  /** An answer is on its way. */
  isAsked = false;
  /** Sessions that this process has attached since. */
  sessionsSince = 0;
}
