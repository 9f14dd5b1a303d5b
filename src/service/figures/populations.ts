import type { BeachId } from "../../core/ids.ts";
import type { Population } from "../../core/quota.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import { type FleetCounts, nothingCounted } from "./fleet-counts.ts";
import { RateWindow } from "./rate-window.ts";

const minute: DurationMs = 60_000;
/** How old counts may be before they are asked for again. */
const freshMs: DurationMs = 1_000;
/** Beaches that are remembered; the one that was asked for longest ago gives way. */
const beachesMax = 10_000;

interface Counter {
  /** At once where this process counts by itself, as of now. */
  count(beachId: BeachId | undefined): FleetCounts | Promise<FleetCounts>;
}

/**
 * What there is of what callers may create, at once for every decision. A store that processes share
 * answers later: then it is what was last heard, with what this process has added since, and who
 * creates much is found out within a second.
 */
export class Populations {
  readonly #counter: Counter;
  readonly #fleet = new Heard();
  readonly #beaches = new Map<BeachId, Beach>();

  constructor(counter: Counter) {
    this.#counter = counter;
  }

  of(beachId: BeachId, now: EpochMs): Population {
    const beach = this.#beach(beachId);
    const here = this.#count(beachId, beach.heard, now);
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
    beach.heard.sessionsSince += 1;
    this.#fleet.sessionsSince += 1;
  }

  #count(beachId: BeachId | undefined, heard: Heard, now: EpochMs): FleetCounts {
    if (!heard.isAsked && now >= heard.at + freshMs) {
      const counts = this.#counter.count(beachId);
      if (!(counts instanceof Promise)) return counts;
      void this.#hear(counts, heard, now);
    }
    return { ...heard.counts, sessions: heard.counts.sessions + heard.sessionsSince };
  }

  async #hear(asked: Promise<FleetCounts>, heard: Heard, now: EpochMs): Promise<void> {
    heard.isAsked = true;
    const before = heard.sessionsSince;
    try {
      heard.counts = await asked;
      heard.sessionsSince -= before;
    } catch {
      // The store is away: calls that need it are refused for that.
    } finally {
      heard.at = now;
      heard.isAsked = false;
    }
  }

  #beach(beachId: BeachId): Beach {
    const beach = this.#beaches.get(beachId) ?? {
      heard: new Heard(),
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
  readonly heard: Heard;
  readonly attached: RateWindow;
}

/** What was last heard of counts. */
class Heard {
  counts = nothingCounted;
  at: EpochMs = Number.NEGATIVE_INFINITY;
  /** An answer is on its way. */
  isAsked = false;
  /** Sessions that this process has attached since. */
  sessionsSince = 0;
}
