import type { BeachId, SessionId } from "../../../core/ids.ts";

/**
 * Over how many hash tags the sessions are dealt: enough that a cluster of a few masters is loaded
 * evenly, and few enough that looking into every bucket costs next to nothing. Changing it loses
 * every session that is stored.
 */
export const bucketCount = 16;

/**
 * The bucket of a session, or of the rates of a beach: FNV-1a of its id
 * (http://www.isthe.com/chongo/tech/comp/fnv).
 */
export function bucketOf(id: SessionId | BeachId): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % bucketCount;
}

/** The names under which a bucket is kept; one hash tag, so that one script may touch them all. */
export class BucketKeys {
  /** Hash: alive, clock, gap, history (the incarnation), lost, origin, changes. */
  readonly state: string;
  /** List of the newest gaps. */
  readonly gaps: string;
  /** Sorted set: sessions by deadline. */
  readonly deadlines: string;
  /** Sorted set: attached sessions by id. */
  readonly sessions: string;
  /** Hash: counts over the attached sessions. */
  readonly counts: string;
  /** Hash: handshakes in flight, by manager URL. */
  readonly negotiations: string;
  /** Hash: recent rates over the beaches whose rates are kept here. */
  readonly rates: string;
  /** Sorted set: keys of rates, of all beaches and of each, by when they were last added to. */
  readonly ratesKept: string;
  readonly #prefix: string;

  constructor(bucket: number) {
    this.#prefix = `lease:{${bucket}}`;
    this.state = `${this.#prefix}:bucket`;
    this.gaps = `${this.#prefix}:gaps`;
    this.deadlines = `${this.#prefix}:deadlines`;
    this.sessions = `${this.#prefix}:sessions`;
    this.counts = `${this.#prefix}:counts`;
    this.negotiations = `${this.#prefix}:negotiations`;
    this.rates = `${this.#prefix}:rates`;
    this.ratesKept = `${this.#prefix}:rates-kept`;
  }

  /**
   * Channel: notices of changes in that database. Channels are the server's, while keys are of a
   * database each: without its number, two fleets on one server would receive each other's notices.
   */
  changesIn(database: number): string {
    return database === 0 ? `${this.#prefix}:changes` : `${this.#prefix}:changes:${database}`;
  }

  /** Hash: revision, record. */
  session(id: SessionId): string {
    return `${this.#prefix}:session:${id}`;
  }

  /** Written and forgotten again at the start, to see whether it may be. */
  get tried(): readonly string[] {
    return ["hash", "set", "list"].map((kind) => `${this.#prefix}:tried:${kind}`);
  }

  /** The same as `sessions` and `counts`, of one beach. */
  sessionsOf(beachId: BeachId): string {
    return `${this.#prefix}:sessions:${beachId}`;
  }

  countsOf(beachId: BeachId): string {
    return `${this.#prefix}:counts:${beachId}`;
  }

  ratesOf(beachId: BeachId): string {
    return `${this.#prefix}:rates:${beachId}`;
  }
}

export const buckets: readonly BucketKeys[] = Array.from(
  { length: bucketCount },
  (_, bucket) => new BucketKeys(bucket),
);

export function keysOf(id: SessionId | BeachId): BucketKeys {
  return buckets[bucketOf(id)] as BucketKeys;
}
