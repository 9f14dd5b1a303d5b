import type { SessionId } from "../core/ids.ts";
import type { SessionRecord } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import type { SessionPage } from "../service/session-store.ts";
import { DeadlineQueue, type Scheduled } from "./deadline-queue.ts";
import { SortedList } from "./sorted-list.ts";

interface Entry extends Scheduled {
  record: SessionRecord;
}

/** The records that a store shows, by id, by deadline, and in order for lists; all in memory. */
export class SessionIndex {
  readonly #entries = new Map<SessionId, Entry>();
  readonly #deadlines = new DeadlineQueue<Entry>();
  /** Attached sessions only, each in both. */
  readonly #byId = new SortedList<Entry>(compareIds);
  readonly #byBeach = new SortedList<Entry>(
    (a, b) => compare(a.record.beachId, b.record.beachId) || compareIds(a, b),
  );

  get(id: SessionId): SessionRecord | undefined {
    return this.#entries.get(id)?.record;
  }

  /** Shows `record` under the id from now on; undefined: nothing. */
  put(id: SessionId, record: SessionRecord | undefined, deadline: EpochMs | undefined): void {
    const entry = this.#entries.get(id);
    if (record === undefined) {
      if (entry !== undefined) this.#forget(id, entry);
    } else if (entry === undefined) {
      this.#insert(id, record, deadline);
    } else {
      this.#replace(entry, record, deadline);
    }
  }

  due(now: EpochMs, limit: number): readonly SessionId[] {
    return this.#deadlines.due(now, limit).map((entry) => entry.record.id);
  }

  /** Counts as due at that moment and not before, until it is put again. */
  postpone(id: SessionId, until: EpochMs): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.deadline = until;
    this.#deadlines.schedule(entry);
  }

  nextDeadline(): EpochMs | undefined {
    return this.#deadlines.nextMoment();
  }

  list({ beachId, after = "", limit }: SessionPage): readonly SessionRecord[] {
    const candidates =
      beachId === undefined
        ? this.#byId.from(({ record }) => record.id > after)
        : this.#byBeach.from(({ record }) =>
            record.beachId === beachId ? record.id > after : record.beachId > beachId,
          );
    const page: SessionRecord[] = [];
    if (limit <= 0) return page;
    for (const { record } of candidates) {
      if (beachId !== undefined && record.beachId !== beachId) break;
      page.push(record);
      if (page.length >= limit) break;
    }
    return page;
  }

  #insert(id: SessionId, record: SessionRecord, deadline: EpochMs | undefined): void {
    const entry: Entry = {
      record,
      deadline: deadline ?? Number.POSITIVE_INFINITY,
      queuedAt: Number.POSITIVE_INFINITY,
    };
    this.#entries.set(id, entry);
    this.#enlist(entry);
    this.#deadlines.schedule(entry);
  }

  #replace(entry: Entry, record: SessionRecord, deadline: EpochMs | undefined): void {
    const before = entry.record;
    if (before.kind === record.kind && before.beachId === record.beachId) {
      entry.record = record;
    } else {
      this.#delist(entry);
      entry.record = record;
      this.#enlist(entry);
    }
    entry.deadline = deadline ?? Number.POSITIVE_INFINITY;
    this.#deadlines.schedule(entry);
  }

  #forget(id: SessionId, entry: Entry): void {
    this.#entries.delete(id);
    this.#delist(entry);
    this.#deadlines.cancel(entry);
  }

  #enlist(entry: Entry): void {
    if (entry.record.kind !== "attached") return;
    this.#byId.add(entry);
    this.#byBeach.add(entry);
  }

  #delist(entry: Entry): void {
    if (entry.record.kind !== "attached") return;
    this.#byId.remove(entry);
    this.#byBeach.remove(entry);
  }
}

function compareIds(a: Entry, b: Entry): number {
  return compare(a.record.id, b.record.id);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
