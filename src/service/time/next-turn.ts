/** Resolves when a part of some long work has its turn. */
export type NextTurn = () => Promise<void>;

/** The waiters for a turn, in the order in which they came. */
const waiting: (() => void)[] = [];

/**
 * Resolves in a turn of the event loop that no other waiter gets. However many long tasks work in
 * parts, each turn runs one part.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(giveTurn);
  });
}

function giveTurn(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(giveTurn);
}

/** Does the work for each value in order, and yields after every so many. */
export async function eachInTurns<T>(
  values: Iterable<T>,
  perTurn: number,
  work: (value: T) => void,
): Promise<void> {
  let done = 0;
  for (const value of values) {
    if (done > 0 && done % perTurn === 0) await nextTurn();
    work(value);
    done += 1;
  }
}
