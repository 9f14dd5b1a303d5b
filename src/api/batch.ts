import type { Awaitable } from "../service/awaitable.ts";

/** All values once the last one is there: at once when none is a promise. */
export function allReady<T>(values: readonly Awaitable<T>[]): Awaitable<readonly T[]> {
  return values.some((value) => value instanceof Promise)
    ? Promise.all(values)
    : (values as readonly T[]);
}
