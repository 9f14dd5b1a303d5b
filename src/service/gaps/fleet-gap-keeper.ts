import type { SessionId } from "../../core/ids.ts";
import type { Gap } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { ServiceObserver } from "../service-events.ts";
import { type DecisionBasis, gapsMax, type SharedStore } from "../session-store.ts";
import type { Clock } from "../time/clock.ts";
import type { GapKeeper, StoreReach } from "./gap-keeper.ts";
import { type BucketGap, stretchesOf } from "./gap-stretches.ts";

/** How often each process shows that it reaches a bucket. */
const heartbeatMs: DurationMs = 500;
/**
 * Without a heartbeat of any process for this long there is a gap. A few heartbeats of the only
 * process may be late.
 */
const quietMs: DurationMs = 1_500;

interface FleetGapKeeperDeps {
  readonly store: SharedStore;
  readonly clock: Clock;
  readonly observe: ServiceObserver;
}

/** What is known of one bucket. */
interface Bucket {
  gaps: readonly Gap[];
  incarnation: number;
  /** Since this process started or failed to reach it, until it is reached. */
  isAway: boolean;
  /** The end of the newest gap that was reported. Gaps are read again with a new incarnation. */
  reportedUntil: EpochMs;
}

/**
 * Notices when no process at all could reach a bucket. A process
 * that is away while another is there misses nothing: the other receives the reports.
 *
 * A gap in several buckets is reported once: after each round of heartbeats, together with those
 * found since the round before. A bucket that is away for longer is reported when it is back.
 */
export class FleetGapKeeper implements GapKeeper {
  readonly #deps: FleetGapKeeperDeps;
  readonly #buckets: readonly Bucket[];
  /** What heartbeats have brought since the last round. */
  readonly #unreported: BucketGap[] = [];
  /** Buckets in which an incarnation has begun since the last round. */
  readonly #lost = new Set<number>();

  constructor(deps: FleetGapKeeperDeps) {
    this.#deps = deps;
    this.#buckets = Array.from({ length: deps.store.buckets }, () => ({
      gaps: [],
      incarnation: 0,
      isAway: true,
      reportedUntil: 0,
    }));
  }

  gapsOf(id: SessionId): readonly Gap[] {
    return this.#of(id).gaps;
  }

  incarnationOf(id: SessionId): number {
    return this.#of(id).incarnation;
  }

  basisOf(id: SessionId, now: EpochMs): DecisionBasis {
    const { gaps, incarnation } = this.#of(id);
    return { gap: gaps.at(-1)?.number ?? 0, incarnation, reachedSince: now - quietMs };
  }

  isAway(id: SessionId): boolean {
    return this.#of(id).isAway;
  }

  get reach(): StoreReach {
    const away = this.#buckets.filter(({ isAway }) => isAway).length;
    return { parts: this.#buckets.length, away };
  }

  get isStoreAway(): boolean {
    return this.#buckets.some(({ isAway }) => isAway);
  }

  /** As one that stood still. */
  noteSuspend(): void {}

  /** A process that stood still learns from its next commit whether the others did too. */
  async observe(): Promise<void> {}

  isCurrent(id: SessionId): boolean {
    return !this.isAway(id);
  }

  noteStoreFault(id: SessionId): void {
    this.#of(id).isAway = true;
  }

  async catchUp(id: SessionId): Promise<void> {
    const { store, clock } = this.#deps;
    await this.#heartbeat(store.bucketOf(id), clock.now());
  }

  async start(): Promise<void> {
    const { clock } = this.#deps;
    const now = clock.now();
    // Gaps before the start of this process were reported by others.
    for (const bucket of this.#buckets) bucket.reportedUntil = now - 1;
    await this.#heartbeatAll(now);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(heartbeatMs, signal);
      if (!signal.aborted) await this.#heartbeatAll(clock.now());
    }
    this.#report();
  }

  async #heartbeatAll(now: EpochMs): Promise<void> {
    // One unreachable bucket must not keep the others from being served.
    await Promise.all(this.#buckets.map((_, number) => this.#tryHeartbeat(number, now)));
    this.#report();
  }

  #report(): void {
    if (this.#lost.size > 0) {
      const share = `${this.#lost.size} of ${this.#buckets.length} buckets`;
      const error = new Error(`The store may have lost sessions or changes, in ${share}`);
      this.#lost.clear();
      this.#deps.observe({ kind: "failed", where: "new incarnation", error });
    }
    for (const { gap, buckets } of stretchesOf(this.#unreported.splice(0))) {
      this.#deps.observe({ kind: "gap", gap, buckets: buckets.size });
    }
  }

  async #tryHeartbeat(number: number, now: EpochMs): Promise<void> {
    try {
      await this.#heartbeat(number, now);
    } catch (error) {
      const bucket = this.#buckets[number];
      // Reported once, and not twice a second for every bucket.
      if (!this.isStoreAway) this.#deps.observe({ kind: "failed", where: "heartbeat", error });
      if (bucket !== undefined) bucket.isAway = true;
    }
  }

  async #heartbeat(number: number, now: EpochMs): Promise<void> {
    const bucket = this.#buckets[number];
    if (bucket === undefined) throw new Error(`there is no bucket ${number}`);
    const kind = bucket.isAway ? "absence" : "stall";
    const after = bucket.gaps.at(-1)?.number ?? 0;
    const answer = await this.#deps.store.heartbeat(number, { now, quietMs, kind, after });
    if (bucket.incarnation > 0 && answer.incarnation !== bucket.incarnation) this.#lost.add(number);
    if (answer.incarnation !== bucket.incarnation && after > 0) {
      // Gaps that were recorded before may be lost, and their numbers used again.
      bucket.gaps = [];
      return this.#heartbeat(number, now);
    }
    // Another heartbeat of this process may have brought the same gaps meanwhile.
    const newest = bucket.gaps.at(-1)?.number ?? 0;
    const fresh = answer.gaps.filter((gap) => gap.number > newest);
    if (fresh.length > 0) bucket.gaps = [...bucket.gaps, ...fresh].slice(-gapsMax);
    bucket.incarnation = answer.incarnation;
    bucket.isAway = false;
    for (const gap of fresh) {
      if (gap.until <= bucket.reportedUntil) continue;
      bucket.reportedUntil = gap.until;
      this.#unreported.push({ bucket: number, gap });
    }
  }

  #of(id: SessionId): Bucket {
    const bucket = this.#buckets[this.#deps.store.bucketOf(id)];
    if (bucket === undefined) throw new Error(`session '${id}' is in no bucket`);
    return bucket;
  }
}
