import type { PassTime } from "../core/command.ts";
import { idleAt } from "../core/deadlines/deadline.ts";
import type { BeachId, SessionId } from "../core/ids.ts";
import type { Policy } from "../core/policy.ts";
import type { SessionRecord } from "../core/session.ts";
import type { DurationMs } from "../core/time.ts";
import type { Outcome } from "./lease-service.ts";
import type { ServiceObserver } from "./service-events.ts";
import type { SessionStore } from "./session-store.ts";
import type { Clock } from "./time/clock.ts";
import type { WatchIndex } from "./watch/watch-index.ts";

/** How often departures are recorded. */
const noteEveryMs: DurationMs = 1_000;
/** How often all watched sessions are recorded within the time that makes a session idle. */
const rounds = 24;
/** How many sessions are handled before the loop yields. */
const batch = 500;

interface IdleKeeperDeps {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly policy: Policy;
  readonly observe: ServiceObserver;
  readonly bySession: WatchIndex<SessionId>;
  readonly byBeach: WatchIndex<BeachId>;
  readonly passTime: (id: SessionId) => Promise<Outcome<PassTime>>;
}

/**
 * Records until when sessions were watched, so that a session goes idle only after its last watcher
 * has been gone for long enough. It is recorded when that watcher leaves, and now and then while it
 * stays, so that a crash loses no more than one round. Only sessions without a live lease are
 * written, each at most once a second, and behind.
 */
export class IdleKeeper {
  readonly #deps: IdleKeeperDeps;

  constructor(deps: IdleKeeperDeps) {
    this.#deps = deps;
  }

  /** The session is watched, or was until a moment ago. */
  isWatched(id: SessionId, beachId: BeachId | undefined): boolean {
    const { bySession, byBeach } = this.#deps;
    return bySession.hadLately(id) || (beachId !== undefined && byBeach.hadLately(beachId));
  }

  /**
   * Runs until the signal aborts, and once more for the sessions whose watchers were disconnected.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, policy, bySession, byBeach } = this.#deps;
    const roundMs = policy.sessionIdleMs / rounds;
    let roundAt = clock.now() + roundMs;
    while (!signal.aborted) {
      await clock.sleep(noteEveryMs, signal);
      const isRound = clock.now() >= roundAt;
      if (isRound) roundAt = clock.now() + roundMs;
      await this.#noteSessions([...bySession.takeLeft(isRound)], signal);
      for (const id of byBeach.takeLeft(isRound)) await this.#noteBeach(id, signal);
    }
  }

  async #noteSessions(ids: readonly SessionId[], signal: AbortSignal): Promise<void> {
    for (let from = 0; from < ids.length; from += batch) {
      if (from > 0) await this.#deps.clock.sleep(0, signal);
      await Promise.all(ids.slice(from, from + batch).map((id) => this.#note(id)));
    }
  }

  async #noteBeach(beachId: BeachId, signal: AbortSignal): Promise<void> {
    const { store, clock, observe } = this.#deps;
    try {
      for (let after: SessionId | undefined = ""; after !== undefined && !signal.aborted; ) {
        const records: readonly SessionRecord[] = await store.list({
          beachId,
          after,
          limit: batch,
        });
        const idling = records.filter((record) => this.#isIdling(record));
        await Promise.all(idling.map(({ id }) => this.#note(id)));
        await clock.sleep(0, signal);
        after = records.length < batch ? undefined : records.at(-1)?.id;
      }
    } catch (error) {
      observe({ kind: "failed", where: "watched sessions", error });
    }
  }

  #isIdling(record: SessionRecord): boolean {
    return record.kind === "attached" && idleAt(record, this.#deps.policy) !== undefined;
  }

  async #note(sessionId: SessionId): Promise<void> {
    const { passTime, observe } = this.#deps;
    try {
      await passTime(sessionId);
    } catch (error) {
      observe({ kind: "failed", where: "watched sessions", sessionId, error });
    }
  }
}
