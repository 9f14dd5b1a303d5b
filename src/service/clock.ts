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

/** A clock that keeps to another one, so that several processes have one service time. */
export interface SteeredClock extends Clock {
  /**
   * Tells how far the reference is ahead at this moment. The first word is taken as it is, and has
   * to come before anything goes by this clock; later ones bend it by so little that a second stays
   * a second to within one percent, and never take it back.
   */
  steer(aheadMs: DurationMs): void;
}

/** How much a word may bend the clock, as a share of the time since the word before. */
const bendShare = 0.01;

/** Goes by `base` until it is steered. */
export function steeredClock(base: Clock): SteeredClock {
  let offset: DurationMs | undefined;
  let steeredAt: EpochMs = 0;
  let last: EpochMs = 0;
  const now = (): EpochMs => {
    last = Math.max(last, Math.floor(base.now() + (offset ?? 0)));
    return last;
  };
  const steer = (aheadMs: DurationMs): void => {
    const at = base.now();
    const bendMax = (at - steeredAt) * bendShare;
    steeredAt = at;
    if (offset !== undefined) {
      offset += Math.max(-bendMax, Math.min(aheadMs, bendMax));
      return;
    }
    offset = aheadMs;
    // What was read before was no service time: a wall clock that is ahead must not hold it up.
    last = 0;
  };
  return {
    now,
    wall: () => base.wall(),
    sleep: (duration, signal) => base.sleep(duration, signal),
    steer,
  };
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
        const wait = (leftMs: DurationMs): NodeJS.Timeout =>
          leftMs <= timerMsMax
            ? setTimeout(wake, leftMs)
            : setTimeout(() => {
                timer = wait(leftMs - timerMsMax);
              }, timerMsMax);
        let timer = wait(Math.max(0, duration));
        signal.addEventListener("abort", wake, { once: true });
      }),
  };
}

/** The longest that a timer can wait; above that, Node's fires at once. */
const timerMsMax = 2 ** 31 - 1;
