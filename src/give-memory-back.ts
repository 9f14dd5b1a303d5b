import { performance } from "node:perf_hooks";

/** How often the process looks whether it has the time. */
const lookMs = 10_000;
/** The share of such a stretch that the event loop may have been busy for. */
const busyShareMax = 0.5;

export interface MemoryBackOptions {
  readonly sleep: (durationMs: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** The share of the time since it was last asked in which the event loop was busy: 0 to 1. */
  readonly busyShare?: () => number;
  /** {@link trimmer} */
  readonly trimmer?: () => Promise<Trim | undefined>;
}

/** Gives free memory back to the system. Never rejects. */
export type Trim = () => Promise<void>;

/**
 * Gives memory that is free back to the system every ten seconds while the process is not busy,
 * until the signal aborts.
 *
 * glibc keeps what lies free between pieces in use: after a peak that may be all that the peak took.
 */
export async function giveMemoryBack({
  sleep,
  signal,
  busyShare = busyShareOfLoop(),
  trimmer: load = trimmer,
}: MemoryBackOptions): Promise<void> {
  await sleep(lookMs, signal);
  const trim = signal.aborted ? undefined : await load();
  while (trim !== undefined && !signal.aborted) {
    if (busyShare() <= busyShareMax) await trim();
    await sleep(lookMs, signal);
  }
}

/**
 * glibc's malloc_trim, on a thread beside the event loop: after a large peak it takes milliseconds.
 * Undefined on a system with another C library, and where koffi is not installed.
 */
export async function trimmer(): Promise<Trim | undefined> {
  try {
    const { default: koffi } = await import("koffi");
    const trim = koffi.load("libc.so.6").func("int malloc_trim(size_t pad)");
    return () => new Promise((resolve) => trim.async(0, () => resolve()));
  } catch {
    return undefined;
  }
}

function busyShareOfLoop(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
