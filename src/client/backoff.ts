export interface BackoffOptions {
  /** The first delay; each one after it doubles. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** Share by which a delay may be shorter or longer, so that clients do not arrive together. */
  readonly spread: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export const defaultBackoff: BackoffOptions = {
  baseMs: 250,
  maxMs: 10_000,
  spread: 0.3,
  random: Math.random,
};

/** Delays that grow with each failure in a row (gRPC connection back-off, with jitter). */
export interface Backoff {
  /** The delay before the next try. */
  nextMs(): number;
  /** A try succeeded: the next delay is the shortest again. */
  reset(): void;
}

export function createBackoff(options: BackoffOptions = defaultBackoff): Backoff {
  let failures = 0;
  return {
    nextMs: () => {
      const delayMs = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures, 30));
      failures += 1;
      return delayMs * (1 + options.spread * (2 * options.random() - 1));
    },
    reset: () => {
      failures = 0;
    },
  };
}

/** The longest delay of a timer: one that is longer fires at once (HTML, Node.js). */
export const timerMsMax: number = 2 ** 31 - 1;

/** Resolves after the duration, or at once when the signal aborts. Never rejects. */
export function sleep(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, Math.min(Math.max(0, durationMs), timerMsMax));
    signal.addEventListener("abort", wake, { once: true });
  });
}
