import { ChurnMap } from "../../../collections/churn-map.ts";
import type { BeachId, SessionId } from "../../../core/ids.ts";
import type { SessionRecord } from "../../../core/session.ts";
import {
  type Follower,
  type SessionChange,
  SessionUnreadable,
} from "../../../service/session-store.ts";
import { bucketCount } from "../records/redis-keys.ts";

interface Bucket {
  /** The newest notice that was received; undefined before the first heartbeat. */
  received: number | undefined;
  /** How many there were at the heartbeat before: all of them should have been received by now. */
  due: number;
  /** The incarnation that they are counted in; undefined before the first heartbeat. */
  incarnation: number | undefined;
  /** Something could not be read. Followers must read again. */
  isBehind: boolean;
}

/** What a notice says: enough to know whether the session has to be read. */
interface Notice {
  readonly number: number;
  /** The process that made the change. */
  readonly by: string;
  readonly id: SessionId;
  readonly revision: number;
  readonly beachId: BeachId;
}

interface NoticesDeps {
  /** Marks the notices of this process. */
  readonly processId: string;
  /** The newest record of a session that this process knows. */
  readonly known: (id: SessionId) => SessionRecord | undefined;
  /** What this process knows of the session is out of date. */
  readonly forget: (id: SessionId) => void;
  readonly load: (id: SessionId) => Promise<SessionRecord | undefined>;
}

/**
 * Receives notices of other processes' changes. A notice only says that there is something to read.
 * Notices are numbered, and each heartbeat returns their count, so that a lost one is noticed.
 */
export class RedisNotices {
  readonly #deps: NoticesDeps;
  readonly #followers = new Set<Follower>();
  readonly #buckets: readonly Bucket[] = Array.from({ length: bucketCount }, () => ({
    received: undefined,
    due: 0,
    incarnation: undefined,
    isBehind: false,
  }));
  /** Sessions that are being read, and whether they changed meanwhile. */
  readonly #reading = new Map<SessionId, boolean>();
  /** Sessions of which this process has commits under way, and how many. */
  readonly #committing = new ChurnMap<SessionId, number>();

  constructor(deps: NoticesDeps) {
    this.#deps = deps;
  }

  follow(follower: Follower): Disposable {
    this.#followers.add(follower);
    return { [Symbol.dispose]: () => this.#followers.delete(follower) };
  }

  receive(bucket: number, message: string): void {
    const notice = parseNotice(message);
    const state = this.#of(bucket);
    if (notice === undefined) return;
    if (state.received !== undefined && notice.number > state.received + 1) state.isBehind = true;
    state.received = Math.max(state.received ?? 0, notice.number);
    // The notice can arrive before the answer to the commit. The answer publishes the change;
    // without one, the session is read.
    if (notice.by === this.#deps.processId && this.#committing.has(notice.id)) return;
    const isWanted = this.#isWanted(notice.id, notice.beachId);
    const known = this.#deps.known(notice.id);
    if (known !== undefined && known.revision >= notice.revision) {
      // A call of this process read it before the notice came: no follower was notified yet.
      if (isWanted && notice.by !== this.#deps.processId) this.#notifyAll(notice.id, known);
      return;
    }
    this.#deps.forget(notice.id);
    if (isWanted) this.#read(bucket, notice.id);
  }

  /**
   * Runs a commit of this process. The effect of a failed one is unknown, so the session is read
   * again and followers get what is there.
   */
  async committing<T>(bucket: number, change: SessionChange, commit: () => Promise<T>): Promise<T> {
    const { id, previous, next } = change;
    this.#committing.set(id, (this.#committing.get(id) ?? 0) + 1);
    let isKnown = false;
    try {
      const result = await commit();
      isKnown = true;
      return result;
    } finally {
      const others = (this.#committing.get(id) ?? 1) - 1;
      if (others > 0) this.#committing.set(id, others);
      else this.#committing.delete(id);
      const beachId = next?.beachId ?? previous?.beachId;
      if (!isKnown && isNews(change) && beachId !== undefined && this.#isWanted(id, beachId)) {
        this.#read(bucket, id);
      }
    }
  }

  /** @param count the number of notices in the bucket's incarnation, from a heartbeat */
  heartbeat(bucket: number, count: number, incarnation: number): void {
    const state = this.#of(bucket);
    const isLost = state.received !== undefined && state.received < state.due;
    // A restored or failed-over server counts from an earlier number, and may have caught up.
    const isAnotherCount = state.incarnation !== undefined && state.incarnation !== incarnation;
    if (isLost || isAnotherCount || state.isBehind) {
      state.isBehind = false;
      state.received = count;
      for (const follower of this.#followers) follower.missed(bucket);
    }
    state.received ??= count;
    state.due = count;
    state.incarnation = incarnation;
  }

  #read(bucket: number, id: SessionId): void {
    if (this.#reading.has(id)) {
      this.#reading.set(id, true);
      return;
    }
    this.#reading.set(id, false);
    void this.#deps.load(id).then(
      (record) => this.#notify(bucket, id, record),
      (error: unknown) => {
        this.#reading.delete(id);
        // Reading everything again would bring no more of one that cannot be read.
        if (!(error instanceof SessionUnreadable)) this.#of(bucket).isBehind = true;
      },
    );
  }

  #notify(bucket: number, id: SessionId, record: SessionRecord | undefined): void {
    const changedMeanwhile = this.#reading.get(id) === true;
    this.#reading.delete(id);
    this.#notifyAll(id, record);
    if (changedMeanwhile) this.#read(bucket, id);
  }

  #notifyAll(id: SessionId, record: SessionRecord | undefined): void {
    for (const follower of this.#followers) follower.changed(id, record);
  }

  #isWanted(id: SessionId, beachId: BeachId): boolean {
    for (const follower of this.#followers) if (follower.isWanted(id, beachId)) return true;
    return false;
  }

  #of(bucket: number): Bucket {
    return this.#buckets[bucket] as Bucket;
  }
}

/** The notice of a change; empty for one without news, such as a renewal. */
export function noticeOf(change: SessionChange, processId: string): string {
  const { id, previous, next } = change;
  if (!isNews(change)) return "";
  const revision = next?.revision ?? (previous?.revision ?? 0) + 1;
  // No id holds the end of a line.
  return [processId, revision, next?.beachId ?? previous?.beachId, id].join("\n");
}

/** The notice of a session that the store has lost. Its beach may be unknown. */
export function noticeOfLoss(id: SessionId, beachId: BeachId | undefined, by: string): string {
  return [by, Number.MAX_SAFE_INTEGER, beachId ?? "", id].join("\n");
}

function isNews({ previous, next }: SessionChange): boolean {
  return previous?.version !== next?.version;
}

function parseNotice(message: string): Notice | undefined {
  const [number, by, revision, beachId, id] = message.split("\n");
  if (by === undefined || beachId === undefined || id === undefined) return undefined;
  return { number: Number(number), by, revision: Number(revision), beachId, id };
}
