import { ChurnSet } from "../../../collections/churn-set.ts";
import type { DurationMs } from "../../../core/time.ts";
import type { Clock } from "../../../service/time/clock.ts";

/** The call was given up; what it asked for may happen yet. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

interface Waiting {
  /** The look before it began. */
  readonly since: number;
  readonly giveUp: () => void;
}

/** How much later than its time a call may be given up. */
const lookEveryMs: DurationMs = 100;

/**
 * Gives up calls that take longer than `timeoutMs`. One timer that looks at the oldest serves them
 * all: a timer for each call would cost more than the call. Holds one entry per call under way.
 *
 * Counts looks and not time: while this process stood still it could read no answer.
 */
export class CallTimeouts {
  readonly #clock: Clock;
  readonly #timeoutMs: DurationMs;
  readonly #waiting = new ChurnSet<Waiting>();
  #looks = 0;

  constructor(clock: Clock, timeoutMs: DurationMs) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Settles as `call` does, or rejects with {@link NoAnswer} when its time is over. */
  limit<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.delete(waiting);
        reject(new NoAnswer(`no answer within ${this.#timeoutMs} ms`));
      };
      const waiting: Waiting = { since: this.#looks, giveUp };
      this.#waiting.add(waiting);
      call.then(
        (value) => {
          this.#waiting.delete(waiting);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(waiting);
          reject(error);
        },
      );
    });
  }

  /** Looks until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(lookEveryMs, signal);
      this.#looks += 1;
      const over = this.#looks - this.#timeoutMs / lookEveryMs;
      for (const { since, giveUp } of this.#waiting) {
        if (since > over) break;
        giveUp();
      }
    }
  }
}
