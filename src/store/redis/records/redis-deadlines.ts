import type { SessionId } from "../../../core/ids.ts";
import type { DurationMs, EpochMs } from "../../../core/time.ts";
import type { RedisCalls } from "../link/redis-calls.ts";
import { bucketOf, buckets, keysOf } from "./redis-keys.ts";
import { claimScript } from "./redis-scripts.ts";

interface Deadline {
  readonly id: SessionId;
  readonly deadline: EpochMs;
}

/** How long a process has a due session to itself. */
const claimMs: DurationMs = 2_000;

/** The deadlines of all buckets that can be reached; a commit sets that of its session itself. */
export class RedisDeadlines {
  readonly #calls: RedisCalls;

  constructor(calls: RedisCalls) {
    this.#calls = calls;
  }

  /**
   * Claimed for this process: no process gets them again before {@link claimMs} are over. Rejects
   * when sessions are due and a claim failed, unless others were claimed.
   */
  async due(now: EpochMs, limit: number): Promise<readonly SessionId[]> {
    const found = await this.#earliest(limit, now);
    const earliest = found.toSorted((a, b) => a.deadline - b.deadline).slice(0, limit);
    const claims = buckets.map(({ deadlines }, bucket) => {
      const ids = earliest.map(({ id }) => id).filter((id) => bucketOf(id) === bucket);
      const args = [String(now), String(now + claimMs), ...ids];
      const sessions = ids.map((id) => keysOf(id).session(id));
      if (ids.length === 0) return [];
      return this.#calls.run(bucket, claimScript, [deadlines, ...sessions], args);
    });
    const settled = await Promise.allSettled(claims);
    const claimed = new Set(fulfilled(settled).flat() as readonly SessionId[]);
    // What is due would still be the earliest deadline, and be tried again without a pause.
    if (claimed.size === 0) throwFirst(settled);
    return earliest.map(({ id }) => id).filter((id) => claimed.has(id));
  }

  async next(): Promise<EpochMs | undefined> {
    const found = await this.#earliest(1, Number.POSITIVE_INFINITY);
    return found.length === 0 ? undefined : Math.min(...found.map(({ deadline }) => deadline));
  }

  /** For every process: what one of them cannot handle, the others cannot either. */
  async postpone(id: SessionId, until: EpochMs): Promise<void> {
    const { deadlines } = keysOf(id);
    await this.#calls.send(bucketOf(id), ["ZADD", deadlines, "XX", String(until), id]);
  }

  /** Sessions of each bucket in reach with the earliest deadlines, at or before `until`. */
  async #earliest(limit: number, until: EpochMs): Promise<readonly Deadline[]> {
    const last = Number.isFinite(until) ? String(until) : "+inf";
    const found = buckets.map(({ deadlines }, bucket) => {
      const range = [deadlines, "-inf", last, "BYSCORE", "LIMIT", "0", String(limit)];
      return this.#calls.send(bucket, ["ZRANGE", ...range, "WITHSCORES"]);
    });
    const pairs = (await inReach(found)).flat() as readonly (readonly [SessionId, number])[];
    return pairs.map(([id, deadline]) => ({ id, deadline: Number(deadline) }));
  }
}

/** The answers of the buckets that can be reached. Nothing can be done about the others. */
async function inReach<T>(answers: readonly (T | Promise<T>)[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(answers);
  const reached = fulfilled(settled);
  if (reached.length === 0) throwFirst(settled);
  return reached;
}

function fulfilled<T>(settled: readonly PromiseSettledResult<T>[]): readonly T[] {
  return settled.filter((one) => one.status === "fulfilled").map(({ value }) => value);
}

/** Throws the first reason for a rejection, if there is one. */
function throwFirst(settled: readonly PromiseSettledResult<unknown>[]): void {
  const rejected = settled.find((one) => one.status === "rejected");
  if (rejected !== undefined) throw rejected.reason;
}
