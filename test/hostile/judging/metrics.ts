/** What the service tells of itself on the ops door. */
export interface ServiceFigures {
  readonly gaps: number;
  readonly heapBytes: number;
  readonly heapKeptBytes: number;
  readonly externalBytes: number;
}

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
    heapBytes: sum("nodejs_heap_size_used_bytes"),
    heapKeptBytes: sum("nodejs_heap_size_total_bytes"),
    externalBytes: sum("nodejs_external_memory_bytes"),
  };
}
