import type { BudgetName } from "../../budget/budget-table.ts";
import type { Refusal as CoreRefusal } from "../../core/refusal.ts";
import type { DurationMs } from "../../core/time.ts";

/** A refusal of the core, or one for a budget that is spent. */
export type Refusal = CoreRefusal | BudgetRefusal;

interface BudgetRefusal {
  readonly reason: "TOO_MANY";
  readonly what: BudgetName;
  readonly retryAfterMs: DurationMs;
}

/** The result of a step of a call, before a door translates it. */
export type Result<T> = Done<T> | Refused;

export interface Done<T> {
  readonly kind: "done";
  readonly value: T;
}

export interface Refused {
  readonly kind: "refused";
  readonly refusal: Refusal;
}

export function done<T>(value: T): Done<T> {
  return { kind: "done", value };
}

export function refused(refusal: Refusal): Refused {
  return { kind: "refused", refusal };
}

/** The result with its value put into another form. */
export function mapDone<T, U>(result: Result<T>, put: (value: T) => U): Result<U> {
  return result.kind === "done" ? done(put(result.value)) : result;
}
