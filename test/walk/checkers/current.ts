import type { SessionRecord } from "../../../src/core/session.ts";
import { shownState } from "../../core/shown-state.ts";
import { same } from "../judging/same.ts";
import type { Change, Taken } from "../judging/taken.ts";

/**
 * The version rises exactly when anything shown but ages has changed, and when an incarnation was lost
 * that may have given the number to another state.
 */
export function checkCurrent(
  { before, context, decision }: Taken,
  changes: readonly Change[],
): readonly string[] {
  if (changes.length === 0) return [];
  const after = decision.session;
  const faults: string[] = [];
  for (const change of changes) {
    if (change.before?.version === change.after?.version) continue;
    if (change.event.kind === "IncarnationChanged") continue;
    if (!isSameShown(change.before, change.after, change.event.at)) continue;
    faults.push(`${change.event.kind} raised the version and changed nothing shown`);
  }
  if (before?.version !== after?.version || isSameShown(before, after, context.now)) return faults;
  return [...faults, "something shown changed without a new version"];
}

function isSameShown(
  a: SessionRecord | undefined,
  b: SessionRecord | undefined,
  now: number,
): boolean {
  return same(shownState(a, now), shownState(b, now));
}
