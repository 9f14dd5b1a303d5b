import type { ProcessWatch } from "./process-watch.ts";

/** A stretch in which the service says that it could not hear. */
export interface RecordedGap {
  readonly lengthMs: number;
  /** Of that, how long the machine ran something else than the service, which was ready. */
  readonly heldUpMs: number;
}

interface GapLine {
  readonly time?: string;
  readonly gap_ms?: number;
}

/** The gaps that stand in the lines of the service's log. */
export function gapsIn(lines: readonly string[], process: ProcessWatch): readonly RecordedGap[] {
  return lines
    .filter((line) => line.includes('"gap_ms":'))
    .map((line) => JSON.parse(line) as GapLine)
    .map(({ time = "", gap_ms: lengthMs = 0 }) => {
      const until = Date.parse(time);
      return { lengthMs, heldUpMs: process.heldUpMs(until - lengthMs, until) };
    });
}

/** What has to pass between two heartbeats of the service for it to record a gap. */
const unheardMs = 1_250;

/**
 * Whether the gap is the machine's: had it let the service run whenever that was ready, there would
 * have been none.
 */
export function isOfTheMachine({ lengthMs, heldUpMs }: RecordedGap): boolean {
  return lengthMs - heldUpMs <= unheardMs;
}
