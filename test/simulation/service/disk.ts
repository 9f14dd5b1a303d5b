import type { SessionId } from "../../../src/core/ids.ts";
import type { Gap, SessionRecord } from "../../../src/core/session.ts";
import type { EpochMs } from "../../../src/core/time.ts";

/** A record as it is kept, with the deadline that was committed with it. */
export interface DiskRow {
  readonly record: SessionRecord;
  readonly deadline: EpochMs | undefined;
}

/** All that is durable at one moment. */
export interface DiskImage {
  readonly rows: ReadonlyMap<SessionId, DiskRow>;
  readonly gaps: readonly Gap[];
  readonly aliveAt: EpochMs | undefined;
  /** How often a backup was restored on the way here. */
  readonly incarnation: number;
}

export const emptyDisk: DiskImage = {
  rows: new Map(),
  gaps: [],
  aliveAt: undefined,
  incarnation: 0,
};

/** What is left when the process that serves from it dies. */
export class Disk {
  #rows = new Map<SessionId, DiskRow>();
  #gaps: readonly Gap[] = [];
  #aliveAt: EpochMs | undefined;
  #incarnation = 0;

  write(id: SessionId, row: DiskRow | undefined): void {
    if (row === undefined) this.#rows.delete(id);
    else this.#rows.set(id, row);
  }

  writeGap(gap: Gap): void {
    this.#gaps = [...this.#gaps, gap];
  }

  /** The moment alive never goes back. */
  writeAlive(at: EpochMs): void {
    this.#aliveAt = Math.max(this.#aliveAt ?? 0, at);
  }

  /** Records are never changed in place. */
  image(): DiskImage {
    const [gaps, aliveAt, incarnation] = [this.#gaps, this.#aliveAt, this.#incarnation];
    return { rows: new Map(this.#rows), gaps, aliveAt, incarnation };
  }

  /** Whoever goes on from a backup has lost what came after it. */
  backup(): DiskImage {
    return { ...this.image(), incarnation: this.#incarnation + 1 };
  }

  restore(image: DiskImage): void {
    this.#rows = new Map(image.rows);
    this.#gaps = image.gaps;
    this.#aliveAt = image.aliveAt;
    this.#incarnation = image.incarnation;
  }
}
