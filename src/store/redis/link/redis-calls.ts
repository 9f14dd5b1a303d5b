import type { DurationMs, EpochMs } from "../../../core/time.ts";
import {
  ChangeUnacknowledged,
  type StoreFault,
  StoreUnavailable,
} from "../../../service/session-store.ts";
import type { Clock } from "../../../service/time/clock.ts";
import type { RedisScript } from "../records/redis-scripts.ts";
import { CallTimeouts, NoAnswer } from "./call-timeouts.ts";
import { isDemoted, isScriptMissing, unavailable } from "./redis-fault.ts";
import type { RedisLink, ServerInfo } from "./redis-link.ts";

/** A caller learns of a failure within about a second. */
const answerMs: DurationMs = 900;
/** Two of them are shorter, since a caller may have to wait for the question before. */
const acknowledgeMs: DurationMs = 400;
/**
 * The connection to a server is closed when it has answered nothing for this long since a first
 * call was given up: a machine that vanished ends no connection, and its replacement answers at the
 * same address.
 */
const silentMs: DurationMs = 2_000;

/** Calls of Redis that end in time, with what they answer or with a {@link StoreFault}. */
export class RedisCalls implements AsyncDisposable {
  readonly #link: RedisLink;
  readonly #clock: Clock;
  readonly #timeouts: CallTimeouts;
  readonly #closing = new AbortController();
  /** When a call of the bucket was given up and none has been answered since. */
  readonly #silentSince = new Map<number, EpochMs>();

  constructor(link: RedisLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    this.#timeouts = new CallTimeouts(clock, answerMs);
    void this.#timeouts.run(this.#closing.signal);
  }

  send(bucket: number, command: readonly string[]): Promise<unknown> {
    return this.#guarded(bucket, () => this.#link.send(bucket, command));
  }

  run(
    bucket: number,
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    return this.#guarded(bucket, async () => {
      try {
        return await this.#link.send(bucket, ["EVALSHA", script.sha1, ...rest]);
      } catch (error) {
        if (!isScriptMissing(error)) throw error;
        return this.#link.send(bucket, ["EVAL", script.text, ...rest]);
      }
    });
  }

  /** The part of the store whose keys one script may touch together with those of the bucket. */
  partOf(bucket: number): number {
    return this.#link.partOf(bucket);
  }

  /** What the failure of a call of the bucket means for its caller. */
  faultOf(bucket: number, error: unknown): StoreFault {
    if (isDemoted(error)) this.#link.reconnect(bucket);
    return unavailable(error);
  }

  /** What each server that can be reached says of itself. */
  async inform(): Promise<readonly ServerInfo[]> {
    if (this.#closing.signal.aborted) return [];
    return this.#timeouts.limit(this.#link.inform());
  }

  /** Throws unless `replicas` have all that was written to the bucket's server before. */
  async beAcknowledged(bucket: number, replicas: number): Promise<void> {
    const have = await this.#guarded(bucket, () =>
      this.#link.acknowledged(bucket, replicas, acknowledgeMs),
    );
    if (have >= replicas) return;
    throw new ChangeUnacknowledged(`${have} of ${replicas} replicas acknowledged the change`);
  }

  listen(bucket: number, channel: string, receive: (message: string) => void): Promise<void> {
    return this.#guarded(bucket, () => this.#link.listen(bucket, channel, receive));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#link[Symbol.asyncDispose]();
  }

  async #guarded<T>(bucket: number, call: () => Promise<T>): Promise<T> {
    if (this.#closing.signal.aborted) throw new StoreUnavailable("The store is closed");
    const answer = call();
    try {
      const value = await this.#timeouts.limit(answer);
      this.#silentSince.delete(bucket);
      return value;
    } catch (error) {
      if (error instanceof NoAnswer) this.#noteSilence(bucket, answer);
      throw this.faultOf(bucket, error);
    }
  }

  #noteSilence(bucket: number, answer: Promise<unknown>): void {
    // It may only be slow, or this process may have stood still: then the answer comes yet.
    const answered = (): void => void this.#silentSince.delete(bucket);
    answer.then(answered, answered);
    const now = this.#clock.now();
    const since = this.#silentSince.get(bucket);
    if (since === undefined) {
      this.#silentSince.set(bucket, now);
    } else if (now - since >= silentMs) {
      this.#silentSince.delete(bucket);
      this.#link.reconnect(bucket);
    }
  }
}
