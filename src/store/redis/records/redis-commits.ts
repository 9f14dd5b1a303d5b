import type { RedisCalls } from "../link/redis-calls.ts";
import { commitScript } from "./redis-scripts.ts";

/** How many changes one call makes at most: the server does nothing else meanwhile. */
const togetherMax = 100;

/** What the server answers to one change. */
export type CommitReply = readonly [result: "committed" | "unaware" | "conflict", record?: unknown];

/** A change in the words of {@link commitScript}. */
export interface ChangeAsked {
  readonly bucket: number;
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

interface Waiting extends ChangeAsked {
  readonly resolve: (reply: CommitReply) => void;
  readonly reject: (fault: unknown) => void;
}

/**
 * Changes that are asked for in the same turn of the event loop travel in one call. Each is made or
 * refused for itself.
 */
export class RedisCommits {
  readonly #calls: RedisCalls;
  /** Those of this turn. */
  #waiting: Waiting[] = [];

  constructor(calls: RedisCalls) {
    this.#calls = calls;
  }

  /** Settles with the server's answer, or rejects with a StoreFault. */
  ask(change: ChangeAsked): Promise<CommitReply> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ ...change, resolve, reject }) === 1) {
        setImmediate(() => this.#sendAll());
      }
    });
  }

  #sendAll(): void {
    const byPart = new Map<number, Waiting[]>();
    for (const change of this.#waiting) {
      const part = this.#calls.partOf(change.bucket);
      const together = byPart.get(part);
      if (together === undefined) byPart.set(part, [change]);
      else together.push(change);
    }
    this.#waiting = [];
    for (const together of byPart.values()) {
      for (let from = 0; from < together.length; from += togetherMax) {
        void this.#send(together.slice(from, from + togetherMax));
      }
    }
  }

  async #send(changes: readonly Waiting[]): Promise<void> {
    const [first] = changes;
    if (first === undefined) return;
    try {
      const keys = changes.flatMap((change) => change.keys);
      const args = changes.flatMap((change) => change.args);
      const answer = await this.#calls.run(first.bucket, commitScript, keys, args);
      const replies = answer as readonly (CommitReply | Error)[];
      for (const [index, change] of changes.entries()) this.#settle(change, replies[index]);
    } catch (fault) {
      for (const { reject } of changes) reject(fault);
    }
  }

  #settle({ bucket, resolve, reject }: Waiting, reply: CommitReply | Error | undefined): void {
    if (Array.isArray(reply)) resolve(reply as CommitReply);
    else reject(this.#calls.faultOf(bucket, reply));
  }
}
