import type { SessionId } from "../../core/ids.ts";
import type { SessionRow } from "./sqlite-file.ts";

/** A row that is encoded when it is written: of many extensions only the last one is. */
export interface LateRow {
  readonly id: SessionId;
  readonly encoded: () => SessionRow;
}

/**
 * Rows that are shown and not yet written: the newest of each session. A pass writes all that was
 * behind when it began, in as many transactions as it takes; what comes meanwhile waits for the
 * next pass. Holds at most one row per session.
 */
export class WriteBehind {
  #waiting = new Map<SessionId, LateRow>();
  #passing = new Map<SessionId, LateRow>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#passing.size === 0;
  }

  /** How many rows the pass has yet to write. */
  get remaining(): number {
    return this.#passing.size;
  }

  put(row: LateRow): void {
    // A pass that has yet to write the session writes its newest state: waiting for the next pass
    // would leave unwritten what was shown before this one began.
    const rows = this.#passing.has(row.id) ? this.#passing : this.#waiting;
    rows.set(row.id, row);
  }

  /** The row is on disk: it waits no more, unless a newer one of its session does. */
  drop(row: LateRow): void {
    for (const rows of [this.#waiting, this.#passing]) {
      if (rows.get(row.id) === row) rows.delete(row.id);
    }
  }

  /** A state of the session that is newer than all that wait is on disk. */
  dropAll(id: SessionId): void {
    this.#waiting.delete(id);
    this.#passing.delete(id);
  }

  /** What waits joins what an earlier pass did not write; no session is in both. */
  beginPass(): void {
    const isMore = this.#waiting.size > this.#passing.size;
    const [many, few] = isMore ? [this.#waiting, this.#passing] : [this.#passing, this.#waiting];
    for (const [id, row] of few) many.set(id, row);
    few.clear();
    this.#passing = many;
    this.#waiting = few;
  }

  /** Rows of the pass, at most `limit`; {@link drop} them once they are written. */
  peek(limit: number): readonly LateRow[] {
    const rows: LateRow[] = [];
    if (limit <= 0) return rows;
    for (const row of this.#passing.values()) {
      rows.push(row);
      if (rows.length >= limit) break;
    }
    return rows;
  }
}
