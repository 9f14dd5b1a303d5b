import { nextTurn } from "../../service/time/next-turn.ts";

/** How many of the slowest decisions take a few milliseconds together. */
const perTurn = 100;

/**
 * The results of the work, in the order of the values. All work begins before any is awaited. A
 * large batch yields between its parts.
 */
export async function inTurns<T, R>(
  values: readonly T[],
  work: (value: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const parts: Promise<readonly R[]>[] = [];
  for (let from = 0; from < values.length; from += perTurn) {
    if (from > 0) await nextTurn();
    const some = values.slice(from, from + perTurn);
    const part = Promise.all(some.map((value, index) => work(value, from + index)));
    // A failure while later work is still beginning is handled below.
    part.catch(ignore);
    parts.push(part);
  }
  return (await Promise.all(parts)).flat();
}

function ignore(): void {
  // The caller that awaits the batch receives the failure.
}
