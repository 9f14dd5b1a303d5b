import type { SessionId } from "../core/ids.ts";
import type { SessionRecord } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import type { WatchMessage } from "./lease-service.ts";

/** The newest of a session that a reader has not been sent yet. */
interface Pending {
  readonly record: SessionRecord | undefined;
  readonly coalesced: number;
}

/**
 * What one reader still has to be told: per session the newest state and nothing else, so that a
 * slow reader costs no more than the sessions it asked for. What was merged is counted.
 */
export class WatchReader {
  readonly #pending = new Map<SessionId, Pending>();
  /** What the reader knows of each session: a version, or that it is gone. */
  readonly #sent = new Map<SessionId, number | "gone">();
  readonly #known: ReadonlyMap<SessionId, number>;
  #wake: (() => void) | undefined;
  /** When the reader was last sent anything. */
  sentAt: EpochMs;
  bookmarkDue = false;

  constructor(known: ReadonlyMap<SessionId, number>, now: EpochMs) {
    this.#known = known;
    this.sentAt = now;
  }

  /** Takes in a state; older than what the reader has been or will be told, it is dropped. */
  offer(id: SessionId, record: SessionRecord | undefined): void {
    const waiting = this.#pending.get(id);
    const newest = waiting?.record ?? this.#sent.get(id);
    if (!isNews(newest, record, this.#sent.has(id) || waiting ? undefined : this.#known.get(id))) {
      return;
    }
    this.#pending.set(id, { record, coalesced: waiting === undefined ? 0 : waiting.coalesced + 1 });
    this.wake();
  }

  /** Sessions that wait to be told, oldest first; what comes in meanwhile is among them. */
  *take(): Generator<WatchMessage> {
    for (const [id, { record, coalesced }] of this.#pending) {
      this.#pending.delete(id);
      if (record?.kind === "attached") {
        this.#sent.set(id, record.version);
        yield { kind: "state", session: record, coalesced };
      } else {
        this.#sent.set(id, record?.version ?? "gone");
        const reason = record === undefined ? "unknown" : record.reason || "detached";
        yield { kind: "gone", sessionId: id, reason, coalesced };
      }
    }
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Resolves when there is something to tell, or the signal aborts. */
  waitForNews(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.bookmarkDue || this.#pending.size > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** The first word on a session is the truth whatever its version; after that versions only rise. */
function isNews(
  newest: SessionRecord | number | "gone" | undefined,
  record: SessionRecord | undefined,
  known: number | undefined,
): boolean {
  if (newest === undefined) return record?.kind !== "attached" || record.version !== known;
  if (newest === "gone") return record !== undefined;
  if (record === undefined) return false;
  return record.version > (typeof newest === "number" ? newest : newest.version);
}
