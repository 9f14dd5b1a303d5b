import { type Awaitable, eachInTurns } from "../../service/awaitable.ts";

/** All values once the last one is there: at once when none is a promise. */
function allReady<T>(values: readonly Awaitable<T>[]): Awaitable<readonly T[]> {
  return values.some((value) => value instanceof Promise)
    ? Promise.all(values)
    : (values as readonly T[]);
}

/** So many of the longest to decide hold the event loop for a few milliseconds. */
const perTurn = 100;

/** What the work makes of each value. Between two parts of a large batch, others get their turn. */
export function inTurns<T, R>(
  values: readonly T[],
  work: (value: T, index: number) => Awaitable<R>,
): Awaitable<readonly R[]> {
  if (values.length <= perTurn) return allReady(values.map(work));
  const results: Awaitable<R>[] = [];
  const working = eachInTurns(values.entries(), perTurn, ([index, value]) => {
    results.push(work(value, index));
  });
  return working.then(() => Promise.all(results));
}
