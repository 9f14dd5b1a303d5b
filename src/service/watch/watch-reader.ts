import type { SessionId } from "../../core/ids.ts";
import type { SessionRecord } from "../../core/session.ts";
import type { DurationMs, EpochMs } from "../../core/time.ts";
import type { WatchMessage, WatchSelection, WatchSink } from "../lease-service.ts";
import type { WatchEnding } from "../service-events.ts";
import { WaitingStates } from "./waiting-states.ts";
import type { Admission } from "./watch-budget.ts";
import type { WatchedBearer } from "./watched-bearer.ts";

const nothingKnown: ReadonlyMap<SessionId, number> = new Map();

/**
 * What one reader still has to be sent: only the newest state of each session, so a slow reader
 * costs no more than the sessions it asked for. Merged states are counted.
 */
export class WatchReader {
  readonly sessions: WatchSelection["sessions"];
  readonly role: WatchSelection["reader"];
  readonly door: string;
  readonly #admission: Admission;
  readonly #pending = new WaitingStates();
  /** What the reader has of each session: a version, or that it is gone. */
  readonly #sent = new Map<SessionId, number | "gone">();
  /** The versions that the reader named, for sessions not sent yet. */
  #known: ReadonlyMap<SessionId, number>;
  #wake: (() => void) | undefined;

  /** Sessions of which the reader has, or will be sent, a newer state than the store has. */
  readonly ahead: Set<SessionId> = new Set();
  /** Where messages go, once its stream has begun; until then they are fetched. */
  sink: WatchSink | undefined;
  /** What waits is being sent, a message a step. */
  isFlowing = false;
  /** The stream's own loop waits until that has been done. */
  isAwaited = false;
  /** Everything that there was when it began has been offered. */
  hasSnapshot = false;
  /** When the next bookmark is due, unless another message is sent before. */
  bookmarkAt: EpochMs;
  bookmarkDue = false;
  readonly bearer: WatchedBearer | undefined;
  /** It may have missed changes and must read all states again. */
  isBehind = false;
  /** The reader has been handed a message and has not come back for more. */
  isHolding = false;
  /** For how long it has not, not counting time in which the service stood still. */
  heldMs: DurationMs = 0;
  /** It is not registered any more. */
  isGone = false;
  /** Why its stream has to end. */
  failure: unknown;
  /** Why its stream ended, once it has. */
  ending: WatchEnding = "left";

  constructor(
    { sessions, knownVersions, reader }: WatchSelection,
    admission: Admission,
    { door, bookmarkAt, bearer }: Pick<WatchReader, "door" | "bookmarkAt" | "bearer">,
  ) {
    this.sessions = sessions;
    this.role = reader;
    this.door = door;
    this.#known = knownVersions;
    this.#admission = admission;
    this.bookmarkAt = bookmarkAt;
    this.bearer = bearer;
  }

  /** Something waits for it that may be sent now. */
  get hasNews(): boolean {
    return (
      this.#pending.size > 0 ||
      (this.bookmarkDue && this.hasSnapshot) ||
      this.bearer?.isWarningDue === true
    );
  }

  /**
   * Takes in a state. One that is older than what the reader has been or will be sent is dropped.
   *
   * @param merged how many changes between this state and the one offered before were left out
   */
  offer(id: SessionId, record: SessionRecord | undefined, merged = 0): void {
    const waiting = this.#pending.get(id);
    const isNews =
      waiting === undefined
        ? this.#isNews(id, record)
        : supersedes(record, waiting.record?.version ?? "gone");
    if (!isNews) {
      const newest = waiting === undefined ? this.#sent.get(id) : waiting.record?.version;
      if ((record?.version ?? 0) < Number(newest)) this.ahead.add(id);
      return;
    }
    const before = waiting === undefined ? this.#sent.get(id) : waiting.record?.version;
    const own = waiting === undefined ? 0 : waiting.coalesced + 1;
    const coalesced = own + leftOut(record, before, merged);
    this.#pending.set({ id, record, coalesced }, waiting);
    if (this.sink === undefined) this.wake();
  }

  /** The store knows nothing of the session any more, though the reader has a state of it. */
  lose(id: SessionId): void {
    const waiting = this.#pending.get(id);
    const coalesced = waiting === undefined ? 0 : waiting.coalesced + 1;
    this.#pending.set({ id, record: undefined, coalesced }, waiting);
    if (this.sink === undefined) this.wake();
  }

  /** The session that has waited longest, as it is now; undefined when none waits. */
  take(): WatchMessage | undefined {
    const waiting = this.#pending.shift();
    if (waiting === undefined) return undefined;
    const { id, record, coalesced } = waiting;
    this.#remember(id, record?.kind === "attached" ? record.version : "gone");
    if (record?.kind === "attached") return { kind: "state", session: record, coalesced };
    const reason = record === undefined ? "unknown" : record.reason || "detached";
    return { kind: "gone", sessionId: id, reason, coalesced };
  }

  /**
   * Sessions that the reader has, from this stream or as it named them, and that were not sent as
   * gone.
   */
  get held(): readonly SessionId[] {
    const sent = [...this.#sent].filter(([, version]) => version !== "gone").map(([id]) => id);
    const known = [...this.#known.keys()].filter((id) => !this.#sent.has(id));
    return [...sent, ...known].filter((id) => this.#pending.get(id) === undefined);
  }

  /** The reader has a state of the session, from this stream or as it named it. */
  has(id: SessionId): boolean {
    const sent = this.#sent.get(id);
    return sent === undefined ? this.#known.has(id) : sent !== "gone";
  }

  /** The versions that the reader named were compared with everything and are dropped. */
  forgetKnown(): void {
    this.#admission.shrink(this.#known.size);
    this.#known = nothingKnown;
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Resolves when there is a message, or the reader is woken. */
  waitForNews(): Promise<void> {
    if (this.hasNews || this.isBehind) return Promise.resolve();
    return this.waitToBeWoken();
  }

  waitToBeWoken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The first state of a session is the truth whatever its version; then versions only rise. */
  #isNews(id: SessionId, record: SessionRecord | undefined): boolean {
    const sent = this.#sent.get(id);
    if (sent !== undefined) return supersedes(record, sent);
    const known = this.#known.get(id);
    if (record?.kind !== "attached" || record.version !== known) return true;
    this.#remember(id, known);
    return false;
  }

  /**
   * A watch of a private beach does not remember sessions that are gone: it would remember every
   * session that ever was. Whatever comes next about one is news anyway.
   */
  #remember(id: SessionId, version: number | "gone"): void {
    const before = this.#sent.size;
    if (version === "gone" && this.sessions.kind === "beach") {
      this.#sent.delete(id);
      this.ahead.delete(id);
    } else {
      this.#sent.set(id, version);
    }
    // The names of other readers were counted when they began.
    if (this.sessions.kind !== "beach") return;
    if (this.#sent.size > before) this.#admission.grow(1);
    if (this.#sent.size < before) this.#admission.shrink(1);
  }
}

function supersedes(record: SessionRecord | undefined, newest: number | "gone"): boolean {
  return record !== undefined && (newest === "gone" || record.version > newest);
}

/** The merged states that the reader cannot have seen. */
function leftOut(
  record: SessionRecord | undefined,
  before: number | "gone" | undefined,
  merged: number,
): number {
  if (merged === 0 || record === undefined || typeof before !== "number") return merged;
  return Math.max(0, Math.min(merged, record.version - before - 1));
}
