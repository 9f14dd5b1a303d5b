import type { PassTime } from "../../core/command.ts";
import type { SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs } from "../../core/time.ts";
import type { Outcome } from "../lease-service.ts";
import { type SessionStore, StoreUnavailable } from "../session-store.ts";
import type { Clock } from "../time/clock.ts";
import type { Turns } from "../time/turns.ts";
import type { WatchReader } from "./watch-reader.ts";
import { WatchSnapshot } from "./watch-snapshot.ts";

/** How long until a store that is away is asked again. */
const retryMs: DurationMs = 1_000;
/** What it takes to read a session of a snapshot, and to touch one. */
const readPoints = 3;
const touchPoints = 20;
/** How many sessions are touched side by side. */
const touched = 25;

/** The result of letting time pass for a session, as far as it matters here. */
export type PassedTime =
  | { readonly kind: "accepted"; readonly session?: SessionRecord | undefined }
  | Pick<Extract<Outcome<PassTime>, { kind: "refused" }>, "kind" | "refusal">;

interface WatchCatchUpDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly passTime: (id: SessionId) => Promise<PassedTime>;
}

/** Reads the states for a reader that begins, or that may have missed some. */
export class WatchCatchUp {
  readonly #deps: WatchCatchUpDeps;

  constructor(deps: WatchCatchUpDeps) {
    this.#deps = deps;
  }

  snapshotFor(reader: WatchReader): WatchSnapshot {
    return new WatchSnapshot(this.#deps.store, reader);
  }

  async readOn(snapshot: WatchSnapshot): Promise<void> {
    await this.#deps.turns.room(snapshot.part * readPoints);
    await snapshot.readOn();
  }

  /** Open streams stay open. A store that is away is asked again later. */
  async readAgain(reader: WatchReader, signal: AbortSignal): Promise<void> {
    reader.isBehind = false;
    reader.ahead.clear();
    const snapshot = this.snapshotFor(reader);
    try {
      while (!snapshot.isRead && !signal.aborted) await this.readOn(snapshot);
      if (await this.#liftLost(reader)) return;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
    reader.isBehind = true;
    await this.#deps.clock.sleep(retryMs, signal);
  }

  /**
   * Versions only rise on a stream. When the store lost a state that the reader has, the reader
   * takes no state of that session until its counters are lifted, which happens when it is next
   * touched. A session without a record is sent as gone. Returns whether all of them could be
   * looked at.
   */
  async #liftLost(reader: WatchReader): Promise<boolean> {
    const ids = [...reader.ahead];
    let all = true;
    for (let from = 0; from < ids.length; from += touched) {
      const part = ids.slice(from, from + touched);
      await this.#deps.turns.room(part.length * touchPoints);
      const outcomes = await Promise.all(part.map((id) => this.#deps.passTime(id)));
      all &&= outcomes.every(
        (outcome) => outcome.kind === "accepted" || outcome.refusal.reason === "SESSION_UNREADABLE",
      );
      for (const [index, id] of part.entries()) {
        const outcome = outcomes[index];
        if (outcome?.kind === "accepted" && isGone(outcome)) reader.lose(id);
      }
    }
    return all;
  }
}

/** The store was asked just now, and knows nothing of the session. */
function isGone(outcome: Extract<PassedTime, { kind: "accepted" }>): boolean {
  return "session" in outcome && outcome.session === undefined;
}
