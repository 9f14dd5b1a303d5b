import type { SessionId } from "../core/ids.ts";
import type { Gap, SessionRecord } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import {
  type ChangeNotice,
  type SessionChange,
  type SessionPage,
  type SoleStore,
  StoreUnavailable,
} from "../service/session-store.ts";
import { ChangeListeners } from "./change-listeners.ts";
import { GapLog } from "./gap-log.ts";
import { SessionIndex } from "./session-index.ts";

/**
 * Keeps everything in this process and answers at once: `durable` lasts as long as the process.
 * The reference for every other store.
 */
export function memoryStore(): SoleStore {
  return new MemoryStore();
}

class MemoryStore implements SoleStore {
  readonly kind = "sole";
  readonly isLate = false;
  readonly #index = new SessionIndex();
  readonly #listeners = new ChangeListeners();
  readonly #gaps = new GapLog();
  #closed = false;

  load(id: SessionId): SessionRecord | undefined {
    this.#mustBeOpen();
    return this.#index.get(id);
  }

  commit({ id, previous, next, deadline }: SessionChange): "committed" | "conflict" {
    this.#mustBeOpen();
    const stored = this.#index.get(id);
    if (stored?.revision !== previous?.revision) return "conflict";
    this.#index.put(id, next, deadline);
    this.#listeners.tell({ id, previous: stored, next });
    return "committed";
  }

  due(now: EpochMs, limit: number): readonly SessionId[] {
    this.#mustBeOpen();
    return this.#index.due(now, limit);
  }

  nextDeadline(): EpochMs | undefined {
    this.#mustBeOpen();
    return this.#index.nextDeadline();
  }

  postpone(id: SessionId, until: EpochMs): void {
    this.#mustBeOpen();
    this.#index.postpone(id, until);
  }

  list(page: SessionPage): readonly SessionRecord[] {
    this.#mustBeOpen();
    return this.#index.list(page);
  }

  changes(listener: (notice: ChangeNotice) => void): Disposable {
    return this.#listeners.add(listener);
  }

  recordGap(gap: Omit<Gap, "number">): Gap {
    this.#mustBeOpen();
    return this.#gaps.append(this.#gaps.numbered(gap));
  }

  gaps(): readonly Gap[] {
    this.#mustBeOpen();
    return this.#gaps.all;
  }

  /** Always 0: what is lost is lost with the process. */
  history(): number {
    this.#mustBeOpen();
    return 0;
  }

  recordAlive(_now: EpochMs): void {
    this.#mustBeOpen();
  }

  /** Always undefined: no earlier run left anything behind. */
  lastAlive(): EpochMs | undefined {
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
