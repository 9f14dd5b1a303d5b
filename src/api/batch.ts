import { type Awaitable, nextTurn } from "../service/awaitable.ts";

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
  return values.length <= perTurn ? allReady(values.map(work)) : part(values, work);
}

async function part<T, R>(
  values: readonly T[],
  work: (value: T, index: number) => Awaitable<R>,
): Promise<readonly R[]> {
  const results: Awaitable<R>[] = [];
  for (const [index, value] of values.entries()) {
    if (index > 0 && index % perTurn === 0) await nextTurn();
    results.push(work(value, index));
  }
  return Promise.all(results);
}
