import type { DurationMs, EpochMs } from "../core/time.ts";

/** The only time there is: everything that waits or reads time is given one of these. */
export interface Clock {
  /** Service time: never goes back, whatever the wall clock does. */
  now(): EpochMs;
  /** The wall clock of this moment, for what leaves the service and for token checks. */
  wall(): EpochMs;
  /** Resolves after the duration, or at once when the signal aborts. Never rejects. */
  sleep(duration: DurationMs, signal: AbortSignal): Promise<void>;
}

/** A clock that starts at the wall clock, or at `notBefore` if that is later. */
export function systemClock(notBefore: EpochMs = 0): Clock {
  const origin = Math.max(Date.now(), notBefore) - performance.now();
  return {
    now: () => Math.floor(origin + performance.now()),
    wall: () => Date.now(),
    sleep: (duration, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const wake = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        const timer = setTimeout(wake, Math.min(Math.max(0, duration), 2 ** 31 - 1));
        signal.addEventListener("abort", wake, { once: true });
      }),
  };
}
