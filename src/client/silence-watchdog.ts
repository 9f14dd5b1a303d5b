import { timerMsMax } from "./backoff.ts";

/** Aborts its signal when nothing was received for as long as is allowed. */
export interface SilenceWatchdog {
  readonly signal: AbortSignal;
  received(): void;
  allow(durationMs: number): void;
  end(): void;
}

export function watchSilence(firstAllowedMs: number): SilenceWatchdog {
  const controller = new AbortController();
  let allowedMs = firstAllowedMs;
  const bark = (): void => {
    controller.abort(new Error(`the watch was silent for ${allowedMs} ms`));
  };
  const armed = (): ReturnType<typeof setTimeout> =>
    setTimeout(bark, Math.min(allowedMs, timerMsMax));
  let timer = armed();
  const received = (): void => {
    clearTimeout(timer);
    timer = armed();
  };
  return {
    signal: controller.signal,
    received,
    allow: (durationMs) => {
      allowedMs = durationMs;
      received();
    },
    end: () => clearTimeout(timer),
  };
}
