import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";

/** Works through all numbers below `count`, so many at a time, until the signal aborts. */
export async function atOnce(
  workers: number,
  count: number,
  signal: AbortSignal,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count && !signal.aborted) {
      next += 1;
      await work(next - 1);
      // Work on a connection that is gone is done at once, and the signal needs its turn too.
      await nextTurn();
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

/** The same without end: until the signal aborts. */
export function untilOver(
  workers: number,
  signal: AbortSignal,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  return atOnce(workers, Number.POSITIVE_INFINITY, signal, work);
}

/** Keeps things as they are until the signal aborts. */
export async function holdOn(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  }
}

/** Lets time pass, or the signal. */
export async function pause(timeMs: number, signal: AbortSignal): Promise<void> {
  await delay(timeMs, undefined, { signal }).catch(() => undefined);
}
