import type { BeachId } from "../../../core/ids.ts";
import type { DurationMs, EpochMs } from "../../../core/time.ts";
import type { FleetRates } from "../../../service/figures/fleet-counts.ts";
import { bucketOf, buckets, keysOf } from "../records/redis-keys.ts";

/** What is counted, and for how long one place of its ring stands. */
const turnMs = { renewals: 1_000, negotiations: 60_000 } as const;
type Counted = keyof typeof turnMs;
const ringPlaces = 60;
/** A ring without additions for this long holds nothing that still counts. */
export const ratesKeptMs: DurationMs = ringPlaces * Math.max(...Object.values(turnMs));

/** How many counts of a bucket wait for its next heartbeat. */
const pendingMax = 10_000;

interface Counts {
  readonly beachId: BeachId;
  readonly now: EpochMs;
  readonly count: number;
}

/**
 * Rates of all processes: each keeps what it counted until its next heartbeat of the bucket, so that it
 * costs no call of its own. Those of a beach lie in one bucket, whichever its sessions are in.
 */
export class RedisRates {
  /** By bucket: counts by key, place and turn. */
  readonly #pending = buckets.map(() => new Map<string, number>());

  note(what: Counted, { beachId, now, count }: Counts): void {
    const pending = this.#pending[bucketOf(beachId)];
    const turn = Math.floor(now / turnMs[what]);
    const keys = keysOf(beachId);
    for (const key of [keys.rates, keys.ratesOf(beachId)]) {
      // No id holds the end of a line.
      const name = `${key}\n${what} ${turn % ringPlaces}\n${turn}`;
      // After an outage of its bucket the oldest counts matter least.
      if (pending !== undefined && pending.size >= pendingMax && !pending.has(name)) {
        pending.delete(pending.keys().next().value ?? name);
      }
      pending?.set(name, (pending.get(name) ?? 0) + count);
    }
  }

  /**
   * What was counted in the bucket since this was last asked, in JSON: of each ring the key, the
   * place, the turn and how much is to be added. Empty for nothing.
   */
  take(bucket: number): string {
    const pending = this.#pending[bucket];
    if (pending === undefined || pending.size === 0) return "";
    const increments = [...pending].map(([name, count]) => [...name.split("\n"), count]);
    pending.clear();
    return JSON.stringify(increments);
  }
}

/** The sum of what rings hold that is not out of date. */
export function ratesIn(
  rings: readonly Readonly<Record<string, string>>[],
  now: EpochMs,
): FleetRates {
  const sums: Record<Counted, number> = { renewals: 0, negotiations: 0 };
  for (const [place, held] of rings.flatMap((ring) => Object.entries(ring))) {
    const what = place.startsWith("renewals") ? "renewals" : "negotiations";
    const [turn = 0, count = 0] = held.split(" ").map(Number);
    if (turn > Math.floor(now / turnMs[what]) - ringPlaces) sums[what] += count;
  }
  return { renewalsLastMinute: sums.renewals, renegotiationsLastHour: sums.negotiations };
}
