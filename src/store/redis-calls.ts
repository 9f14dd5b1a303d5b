import type { DurationMs } from "../core/time.ts";
import type { Clock } from "../service/clock.ts";
import { StoreUnavailable } from "../service/session-store.ts";
import { CallTimeouts } from "./call-timeouts.ts";
import { isDemoted, isScriptMissing, unavailable } from "./redis-fault.ts";
import type { RedisLink } from "./redis-link.ts";
import type { RedisScript } from "./redis-scripts.ts";

/** A caller hears of trouble within about a second. */
const answerMs: DurationMs = 900;
/** Shorter, so that a commit that too few replicas have is told from a server that is gone. */
const acknowledgeMs: DurationMs = 500;

/** Calls of Redis that end in time, with what they answer or with {@link StoreUnavailable}. */
export class RedisCalls implements AsyncDisposable {
  readonly #link: RedisLink;
  readonly #timeouts: CallTimeouts;
  readonly #closing = new AbortController();

  constructor(link: RedisLink, clock: Clock) {
    this.#link = link;
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

  /** Throws unless `replicas` have all that was written to the bucket's server before. */
  async beAcknowledged(bucket: number, replicas: number): Promise<void> {
    const have = await this.#guarded(bucket, () =>
      this.#link.acknowledged(bucket, replicas, acknowledgeMs),
    );
    if (have >= replicas) return;
    throw new StoreUnavailable(`${have} of ${replicas} replicas acknowledged the change`);
  }

  listen(bucket: number, channel: string, hear: (message: string) => void): Promise<void> {
    return this.#link.listen(bucket, channel, hear);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#link[Symbol.asyncDispose]();
  }

  async #guarded<T>(bucket: number, call: () => Promise<T>): Promise<T> {
    if (this.#closing.signal.aborted) throw new StoreUnavailable("The store is closed");
    try {
      return await this.#timeouts.limit(call());
    } catch (error) {
      if (isDemoted(error)) this.#link.reconnect(bucket);
      throw unavailable(error);
    }
  }
}
