import type { SessionChange } from "../../../service/session-store.ts";
import { negotiationCounts } from "../records/redis-edits.ts";

/** Handshakes in flight by manager URL: those of each bucket's last heartbeat, and own ones since. */
export class RedisNegotiations {
  readonly #byBucket = new Map<number, Map<string, number>>();

  /** What a heartbeat of the bucket brought. */
  heartbeat(bucket: number, counts: Map<string, number>): void {
    this.#byBucket.set(bucket, counts);
  }

  /** This process has committed the change. */
  committed(bucket: number, change: SessionChange): void {
    const counts = this.#byBucket.get(bucket) ?? new Map<string, number>();
    for (const [url, by] of negotiationCounts(change)) counts.set(url, (counts.get(url) ?? 0) + by);
    this.#byBucket.set(bucket, counts);
  }

  inFlight(managerUrl: string): number {
    let sum = 0;
    for (const byManager of this.#byBucket.values()) sum += byManager.get(managerUrl) ?? 0;
    return sum;
  }
}
