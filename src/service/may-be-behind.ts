import type { SessionEvent } from "../core/event.ts";

/** A change that a crash may undo: nobody was promised a longer ttl, or shown it at all. */
export function mayBeBehind(event: SessionEvent): boolean {
  const isPlain = event.kind === "LeaseExtended" && event.plain;
  return event.kind === "SessionTouched" || event.kind === "ReportPlaced" || isPlain;
}
