/** The clocks and timers of a machine, so that tests can hand in their own. */
export interface ClientClock {
  /** Never goes back. It may stand still while the machine sleeps. */
  monotonicMs(): number;
  /** May be set forward or back at any time. It runs while the machine sleeps. */
  wallMs(): number;
  /** Calls back once, not before the delay has passed, and maybe much later. */
  startTimer(callback: () => void, delayMs: number): CancelTimer;
}

export type CancelTimer = () => void;

/** The longest delay of a timer: one that is longer fires at once (HTML, Node.js). */
const timerMsMax = 2 ** 31 - 1;

export const systemClock: ClientClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  startTimer: (callback, delayMs) => {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), timerMsMax));
    return () => clearTimeout(timer);
  },
};

/** One instant by both clocks: after a sleep or a step they disagree about how long it is ago. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function momentOf(clock: ClientClock): Moment {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}

export function after(moment: Moment, durationMs: number): Moment {
  return {
    monotonicMs: moment.monotonicMs + durationMs,
    wallMs: moment.wallMs + durationMs,
  };
}

/** How long until the moment, by the clock that gets there first; 0 or less once it has passed. */
export function untilMs(moment: Moment, now: Moment): number {
  return Math.min(moment.monotonicMs - now.monotonicMs, moment.wallMs - now.wallMs);
}

/** Resolves after the duration, or at once when the signal aborts. Never rejects. */
export function sleep(
  durationMs: number,
  signal: AbortSignal,
  clock: ClientClock = systemClock,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = (): void => {
      cancel();
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const cancel = clock.startTimer(wake, durationMs);
    signal.addEventListener("abort", wake, { once: true });
  });
}

/** A signal that aborts when one of the signals does, or when the time has passed. */
export function withTimeout(
  timeoutMs: number,
  signal: AbortSignal,
  clock: ClientClock,
): Disposable & { readonly signal: AbortSignal } {
  const late = new AbortController();
  const cancel = clock.startTimer(() => {
    late.abort(new Error(`no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  return { signal: AbortSignal.any([signal, late.signal]), [Symbol.dispose]: cancel };
}
