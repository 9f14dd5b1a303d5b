import type { SessionEvent } from "../../core/event.ts";
import type { BeachId, SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs } from "../../core/time.ts";
import type { FleetCounts, RateCounter } from "../figures/fleet-counts.ts";
import type { Populations } from "../figures/populations.ts";
import type { GapKeeper } from "../gaps/gap-keeper.ts";
import type { ChangeNotice, SessionChange } from "../session-store.ts";

/**
 * All processes that serve one store: this one alone, or any number of them. What differs between
 * the two is here, and nowhere else in the service.
 */
export interface Fleet {
  readonly gaps: GapKeeper;
  readonly figures: FleetFigures;
  /** What there is of what callers may create. */
  readonly populations: Populations;

  /** How long to sleep at most without a look at deadlines: others may have set earlier ones. */
  readonly lookAgainMs: DurationMs;

  /** What is wrong with a store that answers, with the remedy. */
  readonly storeFaults: readonly string[];

  /** Learns what is there, and tells the watcher of every change from now on. */
  start(watcher: ChangeWatcher): Promise<void>;

  /**
   * What is at hand of a session that others may have changed since: a decision made on it counts
   * only once it is committed. Undefined where nothing is, or where the store has it at hand.
   */
  recall(id: SessionId): SessionRecord | undefined;

  /** Whether the store is spared what the events tell: this process keeps it instead. */
  spares(events: readonly SessionEvent[]): boolean;
  keep(id: SessionId, record: SessionRecord | undefined): void;
  /** The record with what this process keeps of it. */
  withKept(id: SessionId, record: SessionRecord | undefined): SessionRecord | undefined;

  /** As {@link SoleStore.peek}: `pending` where the record has to be loaded. */
  peek(id: SessionId): SessionRecord | undefined | "pending";

  /** As {@link SoleStore.commitNow}: false where it has to be waited for. */
  commitNow(change: SessionChange): boolean;
}

/** Counts and rates of the whole fleet. */
export interface FleetFigures extends RateCounter {
  count(beachId: BeachId | undefined): Promise<FleetCounts>;
  /** Handshakes in flight towards one manager. */
  negotiationsInFlight(managerUrl: string): number;
}

/** Somebody who wants to hear of every change, whichever process makes it. */
export interface ChangeWatcher {
  notify(notice: ChangeNotice): void;
  /** Whether a change of this session is of interest; others' are not even loaded otherwise. */
  isWanted(id: SessionId, beachId: BeachId): boolean;
  /** Changes of some sessions were missed: what is of interest has to be read again. */
  missed(concerns: (id: SessionId) => boolean): void;
}
