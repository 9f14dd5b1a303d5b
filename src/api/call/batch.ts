import { nextTurn } from "../../service/time/next-turn.ts";

/** How many of the slowest decisions take a few milliseconds together. */
const perTurn = 100;

/**
 * The results of the work, in the order of the values. All work begins before any is awaited. A
 * large batch yields between its parts.
 */
export function inTurns<T, R>(
  values: readonly T[],
  work: (value: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  return partsInTurns(values, (part, from) =>
    part.map((value, index) => work(value, from + index)),
  );
}

/** The same for work that is done for all values of a part at once, and need not wait for each. */
export async function partsInTurns<T, R>(
  values: readonly T[],
  work: (part: readonly T[], from: number) => readonly (R | Promise<R>)[],
): Promise<R[]> {
  const begun: (R | Promise<R>)[] = [];
  for (let from = 0; from < values.length; from += perTurn) {
    if (from > 0) await nextTurn();
    for (const result of work(values.slice(from, from + perTurn), from)) {
      // A failure before its turn to be awaited is handled below.
      if (result instanceof Promise) result.catch(ignore);
      begun.push(result);
    }
  }
  const results: R[] = [];
  for (const result of begun) results.push(result instanceof Promise ? await result : result);
  return results;
}

function ignore(): void {
  // The caller that awaits the batch receives the failure.
}
