import type { ClientClock } from "../../client/index.ts";

/** The time, for what counts down: one timer for the whole page, while anything listens. */
export interface Ticker {
  readonly subscribe: (listener: () => void) => () => void;
  /** The page's wall clock in milliseconds, as of the last tick. */
  readonly nowMs: () => number;
}

const tickMs = 500;

export function createTicker(clock: ClientClock): Ticker {
  const listeners = new Set<() => void>();
  let nowMs = clock.wallMs();
  let isTicking = false;
  const tick = (): void => {
    nowMs = clock.wallMs();
    isTicking = listeners.size > 0;
    if (isTicking) clock.startTimer(tick, tickMs);
    for (const listener of [...listeners]) listener();
  };
  return {
    subscribe(listener) {
      listeners.add(listener);
      if (!isTicking) clock.startTimer(tick, tickMs);
      isTicking = true;
      return () => void listeners.delete(listener);
    },
    nowMs: () => nowMs,
  };
}
