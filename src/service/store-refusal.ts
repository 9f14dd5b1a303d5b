import type { Refusal } from "../core/refusal.ts";
import type { DurationMs } from "../core/time.ts";
import { SessionUnreadable, type StoreFault } from "./session-store.ts";

const storeRetryMs: DurationMs = 1_000;
/** Longer: it helps only to ask another process, or to repair the record. */
const unreadableRetryMs: DurationMs = 5_000;

export const storeAway: Refusal = { reason: "STORE_UNAVAILABLE", retryAfterMs: storeRetryMs };

/** The refusal for a fault of the store. */
export function refusalOf(fault: StoreFault): Refusal {
  if (fault instanceof SessionUnreadable) {
    return { reason: "SESSION_UNREADABLE", retryAfterMs: unreadableRetryMs };
  }
  return storeAway;
}
