import type { SessionId } from "../core/ids.ts";
import type { Gap, SessionRecord } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import type { Tally } from "../service/figures/fleet-counts.ts";
import {
  type ChangeNotice,
  type Peeked,
  type SessionChange,
  type SessionPage,
  type SoleStore,
  StoreUnavailable,
} from "../service/session-store.ts";
import { ChangeListeners } from "./change-listeners.ts";
import { GapLog } from "./gap-log.ts";
import { SessionIndex } from "./session-index.ts";

/**
 * Keeps everything in this process: `durable` means as long as the process lives. The reference for
 * every other store.
 *
 * @param decodedMax how many records are held decoded; see `HeldRecords`
 */
export function memoryStore(decodedMax?: number): SoleStore {
  return new MemoryStore(decodedMax);
}

class MemoryStore implements SoleStore {
  readonly kind = "sole";
  readonly isLate = false;
  readonly tally: Tally;
  readonly #index: SessionIndex;
  readonly #listeners = new ChangeListeners();
  readonly #gaps = new GapLog();
  #closed = false;

  constructor(decodedMax: number | undefined) {
    this.#index = new SessionIndex(decodedMax);
    this.tally = this.#index.tally;
  }

  async load(id: SessionId): Promise<SessionRecord | undefined> {
    this.#mustBeOpen();
    return this.#index.get(id);
  }

  async commit(change: SessionChange): Promise<"committed" | "conflict"> {
    this.#mustBeOpen();
    return this.commitNow(change) ? "committed" : "conflict";
  }

  peek(id: SessionId): Peeked {
    return this.#closed ? "pending" : this.#index.peek(id);
  }

  commitNow(change: SessionChange): boolean {
    const notice = this.#closed ? undefined : this.#index.apply(change);
    if (notice === undefined) return false;
    this.#listeners.notify(notice);
    return true;
  }

  async due(now: EpochMs, limit: number): Promise<readonly SessionId[]> {
    this.#mustBeOpen();
    return this.#index.due(now, limit);
  }

  async nextDeadline(): Promise<EpochMs | undefined> {
    this.#mustBeOpen();
    return this.#index.nextDeadline();
  }

  async postpone(id: SessionId, until: EpochMs): Promise<void> {
    this.#mustBeOpen();
    this.#index.postpone(id, until);
  }

  async list(page: SessionPage): Promise<readonly SessionRecord[]> {
    this.#mustBeOpen();
    return this.#index.list(page);
  }

  changes(listener: (notice: ChangeNotice) => void): Disposable {
    return this.#listeners.add(listener);
  }

  async recordGap(gap: Omit<Gap, "number">): Promise<Gap> {
    this.#mustBeOpen();
    return this.#gaps.append(this.#gaps.numbered(gap));
  }

  async gaps(): Promise<readonly Gap[]> {
    this.#mustBeOpen();
    return this.#gaps.all;
  }

  /** Always 0: nothing outlives the process. */
  async incarnation(): Promise<number> {
    this.#mustBeOpen();
    return 0;
  }

  async recordAlive(_at: EpochMs): Promise<void> {
    this.#mustBeOpen();
  }

  aliveBy(): void {}

  /** Always undefined: no earlier run left anything behind. */
  async lastAlive(): Promise<EpochMs | undefined> {
    this.#mustBeOpen();
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new StoreUnavailable("The store is closed");
  }
}
