import { nextTurn } from "../../service/next-turn.ts";

/** So many of the longest to decide hold the event loop for a few milliseconds. */
const perTurn = 100;

/**
 * What the work makes of each value, in order. All of it is begun before any is waited for; between
 * two parts of a large batch, others get their turn.
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
    // One that fails while later ones are still being begun is not unhandled: it is told below.
    part.catch(ignore);
    parts.push(part);
  }
  return (await Promise.all(parts)).flat();
}

function ignore(): void {
  // Whoever waits for the batch hears of it.
}
