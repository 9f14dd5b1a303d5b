/** What the service tells of itself on the ops door. */
export interface ServiceFigures {
  readonly gaps: number;
  /** The longest turn of its event loop since somebody scraped it last. */
  readonly longestTurnMs: number;
  readonly heapBytes: number;
  readonly heapKeptBytes: number;
  readonly externalBytes: number;
}

/** A timer measures the turns, and is as coarse as this even when the loop is idle. */
const timerMs = 10;

export async function figuresOf(metricsUrl: string): Promise<ServiceFigures> {
  const answer = await fetch(metricsUrl, { signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return {
    gaps: sum("lease_gaps_total"),
    longestTurnMs: Math.max(0, 1000 * sum("nodejs_eventloop_lag_max_seconds") - timerMs),
    heapBytes: sum("nodejs_heap_size_used_bytes"),
    heapKeptBytes: sum("nodejs_heap_size_total_bytes"),
    externalBytes: sum("nodejs_external_memory_bytes"),
  };
}
