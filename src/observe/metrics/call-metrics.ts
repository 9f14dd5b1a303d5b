import type { Metrics } from "./metrics.ts";
import type { Cell } from "./tally.ts";

/** What is kept of the calls of one method at one door. Each takes a few nanoseconds. */
export interface CallFigures {
  /** A call ended, with the code or status of its answer. */
  ended(code: string): void;
  /** An answer took this long. */
  took(durationMs: number): void;
}

export function callFigures(metrics: Metrics, door: string, method: string): CallFigures {
  const seconds = metrics.callSeconds.of(door, method);
  const cells = new Map<string, Cell>();
  return {
    ended(code) {
      let cell = cells.get(code);
      if (cell === undefined) {
        cell = metrics.calls.cell(door, method, code);
        cells.set(code, cell);
      }
      cell.sum += 1;
    },
    took(durationMs) {
      seconds.take(durationMs / 1000);
    },
  };
}
