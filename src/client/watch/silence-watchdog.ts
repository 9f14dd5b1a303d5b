import { after, type ClientClock, momentOf, systemClock, untilMs } from "../calls/clock.ts";

/** Aborts its signal when nothing was received for as long as is allowed. */
export interface SilenceWatchdog {
  readonly signal: AbortSignal;
  received(): void;
  /** Aborts at once if the time has passed by either clock, as after the machine slept. */
  look(): void;
  allow(durationMs: number): void;
  end(): void;
}

export function watchSilence(
  firstAllowedMs: number,
  clock: ClientClock = systemClock,
): SilenceWatchdog {
  const controller = new AbortController();
  let allowedMs = firstAllowedMs;
  const bark = (): void => {
    controller.abort(new Error(`the watch was silent for ${allowedMs} ms`));
  };
  let heardAt = momentOf(clock);
  let cancel = clock.startTimer(bark, allowedMs);
  const received = (): void => {
    cancel();
    heardAt = momentOf(clock);
    cancel = clock.startTimer(bark, allowedMs);
  };
  return {
    signal: controller.signal,
    received,
    look: () => {
      if (untilMs(after(heardAt, allowedMs), momentOf(clock)) <= 0) bark();
    },
    allow: (durationMs) => {
      allowedMs = durationMs;
      received();
    },
    end: () => cancel(),
  };
}
