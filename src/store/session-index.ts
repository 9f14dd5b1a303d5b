import { SpreadMap } from "../collections/spread-map.ts";
import type { BeachId, SessionId } from "../core/ids.ts";
import type { SessionRecord } from "../core/session.ts";
import type { EpochMs } from "../core/time.ts";
import type { Tally } from "../service/figures/fleet-counts.ts";
import { FleetTally } from "../service/figures/fleet-tally.ts";
import type { ChangeNotice, Peeked, SessionChange, SessionPage } from "../service/session-store.ts";
import { encodeRecord } from "./codec/session-codec.ts";
import { DeadlineQueue, type Scheduled } from "./deadline-queue.ts";
import { type Held, HeldRecords } from "./held-records.ts";
import { SortedList } from "./sorted-list.ts";

interface Entry extends Scheduled, Held {
  readonly id: SessionId;
  beachId: BeachId;
  /** Attached sessions are in the lists, tombstones are not. */
  isAttached: boolean;
}

/** A record that an earlier run has left behind. */
export interface RestoredRecord {
  readonly record: SessionRecord;
  readonly deadline: EpochMs | undefined;
  /** What the record was decoded from. */
  readonly text?: string;
}

/**
 * The records that a store shows, by id, by deadline, in order for lists, and counted; all in
 * memory.
 */
export class SessionIndex {
  readonly #entries = new SpreadMap<SessionId, Entry>();
  readonly #records: HeldRecords;
  readonly #deadlines = new DeadlineQueue<Entry>();
  /** Those that wait longer than the deadline that was committed. */
  readonly #postponed = new Set<Entry>();
  readonly #tally = new FleetTally();
  readonly #byId = new SortedList<Entry>(compareIds);
  readonly #byBeach = new SpreadMap<BeachId, SortedList<Entry>>();
  /** Those that are not in the lists yet. */
  #restored: Entry[] = [];

  /** @param decodedMax how many records are held decoded, see {@link HeldRecords} */
  constructor(decodedMax?: number) {
    this.#records = new HeldRecords(decodedMax);
  }

  /** Counts of what is shown, kept up to date by every change. */
  get tally(): Tally {
    return this.#tally;
  }

  get(id: SessionId): SessionRecord | undefined {
    const entry = this.#entries.get(id);
    return entry && this.#records.use(entry);
  }

  /** The same with its deadline; `pending` while it is postponed. */
  peek(id: SessionId): Peeked {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    if (this.#postponed.size > 0 && this.#postponed.has(entry)) return "pending";
    const { deadline } = entry;
    const record = this.#records.use(entry);
    return { record, deadline: deadline === Number.POSITIVE_INFINITY ? undefined : deadline };
  }

  /**
   * Shows what the change makes of the record, and returns what there is to publish. Undefined when
   * the record that is shown is not the one that the change was decided on.
   *
   * @param text what the store writes of the new record, if that is known already
   */
  apply(change: SessionChange, text?: string): ChangeNotice | undefined {
    const { id, next, deadline } = change;
    const entry = this.#entries.get(id);
    const previous = entry && this.#records.look(entry);
    if (previous?.revision !== change.previous?.revision) return undefined;
    if (entry === undefined) {
      if (next !== undefined) this.#enlist(this.#insert(next, deadline, text));
    } else if (next === undefined) {
      this.#forget(entry);
    } else {
      this.#replace(entry, next, text);
      this.#schedule(entry, deadline);
    }
    const notice = { id, previous, next };
    this.#tally.note(notice);
    return notice;
  }

  /** Shows a record of which nothing was shown before; in lists only after {@link listRestored}. */
  restore({ record, deadline, text }: RestoredRecord): void {
    this.#restored.push(this.#insert(record, deadline, text));
    this.#tally.note({ id: record.id, previous: undefined, next: record });
  }

  /** Puts the restored records into the lists: in order, since each then goes to the end of one. */
  listRestored(): void {
    const restored = this.#restored.sort(compareIds);
    this.#restored = [];
    for (const entry of restored) this.#enlist(entry);
  }

  /** What the store writes of a record. It is made once for the record that is shown. */
  textOf(record: SessionRecord): string {
    const entry = this.#entries.get(record.id);
    return entry?.record === record ? this.#records.textOf(entry) : encodeRecord(record);
  }

  due(now: EpochMs, limit: number): readonly SessionId[] {
    return this.#deadlines.due(now, limit).map(({ id }) => id);
  }

  /** Counts as due at that moment and not before, until a change sets its deadline. */
  postpone(id: SessionId, until: EpochMs): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#schedule(entry, until);
    this.#postponed.add(entry);
  }

  nextDeadline(): EpochMs | undefined {
    return this.#deadlines.nextMoment();
  }

  list({ beachId, after = "", limit, isWatched }: SessionPage): readonly SessionRecord[] {
    const sessions = beachId === undefined ? this.#byId : this.#byBeach.get(beachId);
    const page: SessionRecord[] = [];
    if (sessions === undefined || limit <= 0) return page;
    for (const entry of sessions.from(({ id }) => id > after)) {
      page.push(isWatched ? this.#records.use(entry) : this.#records.look(entry));
      if (page.length >= limit) break;
    }
    return page;
  }

  #insert(record: SessionRecord, deadline: EpochMs | undefined, text: string | undefined): Entry {
    const entry: Entry = {
      id: record.id,
      beachId: this.#records.share(record.beachId),
      isAttached: record.kind === "attached",
      record: undefined,
      text,
      isInUse: false,
      deadline: Number.POSITIVE_INFINITY,
      queuedAt: Number.POSITIVE_INFINITY,
    };
    this.#entries.set(record.id, entry);
    if (text === undefined) this.#records.replace(entry, record, text);
    this.#schedule(entry, deadline);
    return entry;
  }

  #replace(entry: Entry, record: SessionRecord, text: string | undefined): void {
    const isAttached = record.kind === "attached";
    const isOrderedAlike = entry.isAttached === isAttached && entry.beachId === record.beachId;
    if (!isOrderedAlike) this.#delist(entry);
    this.#records.replace(entry, record, text);
    if (isOrderedAlike) return;
    entry.isAttached = isAttached;
    entry.beachId = this.#records.share(record.beachId);
    this.#enlist(entry);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.id);
    this.#delist(entry);
    this.#records.drop(entry);
    this.#postponed.delete(entry);
    this.#deadlines.cancel(entry);
  }

  #schedule(entry: Entry, deadline: EpochMs = Number.POSITIVE_INFINITY): void {
    entry.deadline = deadline;
    if (this.#postponed.size > 0) this.#postponed.delete(entry);
    this.#deadlines.schedule(entry);
  }

  #enlist(entry: Entry): void {
    if (!entry.isAttached) return;
    this.#byId.add(entry);
    let ofBeach = this.#byBeach.get(entry.beachId);
    if (ofBeach === undefined) {
      ofBeach = new SortedList<Entry>(compareIds);
      this.#byBeach.set(entry.beachId, ofBeach);
    }
    ofBeach.add(entry);
  }

  #delist(entry: Entry): void {
    if (!entry.isAttached) return;
    this.#byId.remove(entry);
    const ofBeach = this.#byBeach.get(entry.beachId);
    ofBeach?.remove(entry);
    if (ofBeach?.isEmpty) this.#byBeach.delete(entry.beachId);
  }
}

function compareIds({ id: a }: Entry, { id: b }: Entry): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
