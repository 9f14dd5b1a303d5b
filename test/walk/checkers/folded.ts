import { same } from "../judging/same.ts";
import type { Change, Taken } from "../judging/taken.ts";

/** The events of a decision lead to the record that it decided. */
export function checkFolded(
  { before, decision }: Taken,
  changes: readonly Change[],
): readonly string[] {
  const folded = changes.length === 0 ? before : changes.at(-1)?.after;
  return same(folded, decision.session)
    ? []
    : ["the events do not lead to the record that was decided"];
}
