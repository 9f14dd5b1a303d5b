import type { EpochMs } from "../../../core/time.ts";
import type { Clock, SteeredClock } from "../../../service/time/clock.ts";
import type { RedisCalls } from "../link/redis-calls.ts";
import { buckets } from "../records/redis-keys.ts";
import { toMs } from "../records/redis-replies.ts";

/**
 * Steers a clock by the server's, if it can be steered, so that all processes share one service
 * time. The server of one bucket is the reference for all, since several may disagree.
 */
export class RedisTime {
  readonly #clock: Clock | SteeredClock;

  constructor(clock: Clock | SteeredClock) {
    this.#clock = clock;
  }

  /**
   * Service time begins at the server's, and not before the last moment that a process recorded:
   * the server that held the clock before may have been ahead.
   */
  async set(calls: RedisCalls): Promise<void> {
    const recorded = buckets.map(({ state }, bucket) =>
      calls.send(bucket, ["HGET", state, "alive"]),
    );
    const latest = Math.max(...(await Promise.all(recorded)).map(Number));
    const sentAt = this.#clock.now();
    const [seconds, microseconds] = (await calls.send(0, ["TIME"])) as readonly string[];
    this.#steer(sentAt, Math.max(latest, toMs(seconds, microseconds)));
  }

  /** Takes the time of a bucket's server, returned by the call sent at `sentAt`. */
  receive(bucket: number, sentAt: EpochMs, reference: EpochMs): void {
    if (bucket === 0) this.#steer(sentAt, reference);
  }

  /** Takes the reference to have read its clock half-way between question and answer. */
  #steer(sentAt: EpochMs, reference: EpochMs): void {
    if (!("steer" in this.#clock)) return;
    const now = this.#clock.now();
    this.#clock.steer(reference + (now - sentAt) / 2 - now);
  }
}
