import type { Inspector } from "../hostile/judging/inspector.ts";

/** What is looked at, each in one unit. */
export const measures = {
  resident: { name: "resident memory", unit: "MB" },
  heap: { name: "heap after a collection", unit: "MB" },
  external: { name: "memory beside the heap", unit: "MB" },
  descriptors: { name: "open descriptors", unit: "" },
  handles: { name: "active handles", unit: "" },
  timers: { name: "active timers", unit: "" },
  loopDelay: { name: "event-loop delay, p99", unit: "ms" },
  sessions: { name: "sessions", unit: "" },
  leases: { name: "live leases", unit: "" },
  streams: { name: "watch streams", unit: "" },
} as const;

export type Measure = keyof typeof measures;

/** What a process had at one moment. */
export type Sample = Readonly<Record<Measure, number>> & {
  /** Since the soak began, in seconds. */
  readonly at: number;
};

const bytesPerMb = 1_000_000;

/**
 * Looks at a service: at what it holds as it is, then at its heap once its garbage is collected. What
 * is in the heap besides is garbage, which comes and goes.
 */
export async function takeSample(
  metricsUrl: string,
  inspector: Inspector,
  at: number,
): Promise<Sample> {
  const before = await figuresAt(metricsUrl);
  await inspector.collect();
  const after = await figuresAt(metricsUrl);
  return {
    at,
    resident: before("process_resident_memory_bytes") / bytesPerMb,
    heap: after("nodejs_heap_size_used_bytes") / bytesPerMb,
    external: after("nodejs_external_memory_bytes") / bytesPerMb,
    descriptors: before("process_open_fds"),
    handles: before("nodejs_active_handles_total"),
    timers: before('nodejs_active_resources{type="Timeout"}'),
    loopDelay: before("nodejs_eventloop_lag_p99_seconds") * 1000,
    sessions: before("lease_sessions"),
    leases: before("lease_live_leases"),
    streams: before("lease_watch_streams"),
  };
}

/** The figures of one scrape by name, those of all labels added up; or of one label, as it is written. */
async function figuresAt(metricsUrl: string): Promise<(name: string) => number> {
  const answer = await fetch(metricsUrl, { signal: AbortSignal.timeout(30_000) });
  const lines = (await answer.text()).split("\n");
  return (name) =>
    lines
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
