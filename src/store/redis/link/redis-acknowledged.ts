import type { SessionId } from "../../../core/ids.ts";
import type { RedisCalls } from "./redis-calls.ts";

/** Of so many sessions of a bucket it is known one by one that their last change is uncertain. */
const uncertainMax = 1_000;

/**
 * Sees to it that this process shows nothing of its own changes that too few replicas have: a change
 * that was refused for it, and is found when the call is repeated, is no more certain than it was.
 */
export class AcknowledgedChanges {
  readonly #calls: RedisCalls;
  readonly #replicas: number;
  /** By bucket: sessions whose last change replicas may not have; "all" when there are many. */
  readonly #uncertain = new Map<number, Set<SessionId> | "all">();

  /** @param replicas how many have to have a change; 0 for none */
  constructor(calls: RedisCalls, replicas: number) {
    this.#calls = calls;
    this.#replicas = replicas;
  }

  /** Throws when the server may not be asked for it. */
  async tryOut(bucket: number): Promise<void> {
    if (this.#replicas > 0) await this.#calls.beAcknowledged(bucket, 0);
  }

  /** Resolves once replicas have the change that was just committed. */
  async committed(bucket: number): Promise<void> {
    if (this.#replicas === 0) return;
    await this.#calls.beAcknowledged(bucket, this.#replicas);
    // All that was written before, too.
    this.#uncertain.delete(bucket);
  }

  /** What came of a change of the session is not known. */
  failed(bucket: number, id: SessionId): void {
    if (this.#replicas === 0) return;
    const uncertain = this.#uncertain.get(bucket) ?? new Set();
    if (uncertain === "all") return;
    this.#uncertain.set(bucket, uncertain.size < uncertainMax ? uncertain.add(id) : "all");
  }

  /** Resolves once what was loaded of the session may be shown. */
  async loaded(bucket: number, id: SessionId): Promise<void> {
    const uncertain = this.#uncertain.get(bucket);
    if (uncertain === "all" || uncertain?.has(id)) await this.committed(bucket);
  }
}
