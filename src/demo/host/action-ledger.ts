import type { ActionRoute, AppliedCounters } from "../beach/messages.ts";

/** What a host has applied: each action once, in order, whichever way it came. */
export class ActionLedger {
  #last: number | undefined;
  #applied = 0;
  #missing = 0;
  #duplicates = 0;
  #overFastPath = 0;
  #overHttp = 0;
  #appliedAt: number | undefined;
  #largestGapMs = 0;

  /** The number up to which everything was applied; 0 before the first. */
  get last(): number {
    return this.#last ?? 0;
  }

  /** False when it was applied before. */
  apply(sequence: number, route: ActionRoute): boolean {
    if (this.#last !== undefined && sequence <= this.#last) {
      this.#duplicates += 1;
      return false;
    }
    // A restarted host continues where it is told to.
    if (this.#last !== undefined) this.#missing += sequence - this.#last - 1;
    this.#last = sequence;
    this.#applied += 1;
    if (route === "fast_path") this.#overFastPath += 1;
    else this.#overHttp += 1;
    this.#noteGap(performance.now());
    return true;
  }

  /** Measures the largest gap from this moment on. */
  mark(): void {
    this.#largestGapMs = 0;
    this.#appliedAt = performance.now();
  }

  counters(): AppliedCounters {
    return {
      applied: this.#applied,
      lastApplied: this.last,
      missing: this.#missing,
      duplicates: this.#duplicates,
      overFastPath: this.#overFastPath,
      overHttp: this.#overHttp,
      largestGapMs: Math.round(this.#largestGapMs),
    };
  }

  #noteGap(now: number): void {
    if (this.#appliedAt !== undefined) {
      this.#largestGapMs = Math.max(this.#largestGapMs, now - this.#appliedAt);
    }
    this.#appliedAt = now;
  }
}
