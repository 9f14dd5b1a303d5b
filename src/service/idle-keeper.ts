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
import type { WatchReaders } from "./watch/watch-readers.ts";

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
  readonly readers: Pick<WatchReaders, "bySession" | "byBeach" | "sessions" | "beaches">;
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
    const { bySession, byBeach } = this.#deps.readers;
    return bySession.hadLately(id) || (beachId !== undefined && byBeach.hadLately(beachId));
  }

  /**
   * Runs until the signal aborts, and once more for the sessions whose watchers were disconnected.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, policy, readers } = this.#deps;
    const roundMs = policy.sessionIdleMs / rounds;
    let roundAt = clock.now() + roundMs;
    while (!signal.aborted) {
      await clock.sleep(noteEveryMs, signal);
      const isRound = clock.now() >= roundAt;
      if (isRound) roundAt = clock.now() + roundMs;
      await this.#noteSessions(readers.bySession.takeLeft(), signal);
      for (const id of readers.byBeach.takeLeft()) await this.#noteBeach(id, signal);
      if (!isRound) continue;
      await this.#noteSessions(readers.sessions(), signal);
      for (const id of readers.beaches()) await this.#noteBeach(id, signal);
    }
  }

  async #noteSessions(ids: Iterable<SessionId | undefined>, signal: AbortSignal): Promise<void> {
    let notes: Promise<void>[] = [];
    let looks = 0;
    for (const id of ids) {
      if (id !== undefined) notes.push(this.#note(id));
      looks += 1;
      if (looks % batch !== 0) continue;
      await Promise.all(notes);
      notes = [];
      await this.#deps.clock.sleep(0, signal);
    }
    await Promise.all(notes);
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
