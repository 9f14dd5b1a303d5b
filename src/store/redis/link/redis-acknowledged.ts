import type { SessionId } from "../../../core/ids.ts";
import type { RedisCalls } from "./redis-calls.ts";

/** How many sessions of a bucket with an uncertain last change are remembered one by one. */
const uncertainMax = 1_000;

/**
 * Keeps this process from showing changes of its own that too few replicas have. A change that was
 * refused for this is no more certain when a repeated call finds it.
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

  /** The effect of a change of the session is unknown. */
  failed(bucket: number, id: SessionId): void {
    if (this.#replicas === 0) return;
    const uncertain = this.#uncertain.get(bucket) ?? new Set();
    if (uncertain === "all") return;
    this.#uncertain.set(bucket, uncertain.size < uncertainMax ? uncertain.add(id) : "all");
  }

  /** Resolves once the loaded record may be shown. */
  async loaded(bucket: number, id: SessionId): Promise<void> {
    const uncertain = this.#uncertain.get(bucket);
    if (uncertain === "all" || uncertain?.has(id)) await this.committed(bucket);
  }
}
