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
      const delayMs = backoffMs(failures, options);
      failures += 1;
      return delayMs;
    },
    reset: () => {
      failures = 0;
    },
  };
}

/** The delay after so many failures that came before this one. */
export function backoffMs(failures: number, options: BackoffOptions): number {
  const delayMs = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures, 30));
  return delayMs * (1 + options.spread * (2 * options.random() - 1));
}
