import type { SessionEvent } from "../core/event.ts";

/** What a crash may take back: nobody was promised it for longer, or shown it at all. */
export function mayBeBehind(event: SessionEvent): boolean {
  const isPlain = event.kind === "LeaseExtended" && event.plain;
  return event.kind === "SessionTouched" || event.kind === "ReportPlaced" || isPlain;
}
