import type { SessionEvent } from "../../core/event.ts";
import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs } from "../../core/time.ts";
import type { FleetCounts, RateCounter } from "../figures/fleet-counts.ts";
import type { Populations } from "../figures/populations.ts";
import type { GapKeeper } from "../gaps/gap-keeper.ts";
import type { ChangeNotice, Peeked, SessionChange } from "../session-store.ts";

/**
 * All processes that serve one store: this one alone, or any number. Everything that differs
 * between the two is behind this interface.
 */
export interface Fleet {
  readonly gaps: GapKeeper;
  readonly figures: FleetFigures;
  /** How much callers have created. */
  readonly populations: Populations;

  /**
   * The longest sleep between two looks at the deadlines: other processes may have set earlier
   * ones.
   */
  readonly lookAgainMs: DurationMs;

  /** What is wrong with a store that answers, with the remedy. */
  readonly storeFaults: readonly string[];

  /** Reads what the store holds, and notifies the watcher of every change from now on. */
  start(watcher: ChangeWatcher): Promise<void>;

  /**
   * The remembered record of a session, which others may have changed since: a decision made on it
   * counts only once it is committed. Undefined when nothing is remembered, or when the store holds
   * the record in memory.
   */
  recall(id: SessionId): SessionRecord | undefined;

  /** Whether this process keeps what the events say instead of writing it. */
  spares(events: readonly SessionEvent[]): boolean;
  keep(id: SessionId, record: SessionRecord | undefined): void;
  /** The record with what this process keeps of it. */
  withKept(id: SessionId, record: SessionRecord | undefined): SessionRecord | undefined;

  /** As {@link SoleStore.peek}: `pending` where the record has to be loaded. */
  peek(id: SessionId): Peeked;

  /** As {@link SoleStore.commitNow}: false where it has to be waited for. */
  commitNow(change: SessionChange): boolean;
}

/** Counts and rates of the whole fleet. */
export interface FleetFigures extends RateCounter {
  count(beachId: BeachId | undefined): Promise<FleetCounts>;
  /** Handshakes in flight towards one manager. */
  negotiationsInFlight(managerUrl: string): number;
}

/** Is notified of every change, whichever process makes it. */
export interface ChangeWatcher {
  notify(notice: ChangeNotice): void;
  /**
   * Whether changes of this session are of interest. Other processes' changes are loaded only then.
   */
  isWanted(id: SessionId, beachId: BeachId): boolean;
  /** Changes of some sessions were missed. Everything of interest must be read again. */
  missed(concerns: (id: SessionId) => boolean): void;
}
