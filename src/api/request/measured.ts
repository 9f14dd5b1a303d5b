import type { BudgetName } from "../../budget/budget-table.ts";

/** What counting comes to, before anything is read. */
export type Measured<Fits> = Fits | Excess | { readonly kind: "unreadable" };

/** One field has too much in it. */
export interface Excess {
  readonly kind: "excess";
  readonly field: string;
  readonly description: string;
  /** Undefined where the limit is the field's own. */
  readonly budget: BudgetName | undefined;
}

/** So many fields are read within a millisecond or two; then others get their turn. */
export const fieldsPerTurn = 5_000;

export function tooManyItems(field: string, max: number): Excess {
  const description = `must have at most ${max} entries`;
  return { kind: "excess", field, description, budget: undefined };
}

export function tooManyFields(max: number): Excess {
  const description = `must have at most ${max} fields, with those of all messages in it`;
  return { kind: "excess", field: "message", description, budget: "message_fields" };
}

export function tooLargeItem(field: string, max: number): Excess {
  const description = `must have at most ${max} fields, with those of all messages in it`;
  return { kind: "excess", field, description, budget: "item_fields" };
}
