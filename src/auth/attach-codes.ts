import { LRUCache } from "lru-cache";

import type { SessionId } from "../core/ids.ts";

/** About a hundred bytes each. */
const codesMax = 10_000;

/**
 * The passcodes with which callers last opened sessions, for hosts that attach with them. They are
 * held in memory alone, of the sessions used last: a process that has none leaves the code out.
 */
export class AttachCodes {
  readonly #codes = new LRUCache<SessionId, string>({ max: codesMax });

  /** Receives passcodes that were verified, or that callers with standing sent. */
  note(sessionId: SessionId, passcode: string): void {
    if (passcode !== "") this.#codes.set(sessionId, passcode);
  }

  of(sessionId: SessionId): string | undefined {
    return this.#codes.get(sessionId);
  }
}
