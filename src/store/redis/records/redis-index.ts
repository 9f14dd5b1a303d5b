import type { BeachId, SessionId } from "../../../core/ids.ts";
import type { SessionRecord } from "../../../core/session.ts";
import {
  addCounts,
  type FleetCounts,
  nothingCounted,
} from "../../../service/figures/fleet-counts.ts";
import { type SessionPage, SessionUnreadable } from "../../../service/session-store.ts";
import type { RedisCalls } from "../link/redis-calls.ts";
import { buckets } from "./redis-keys.ts";
import { countNames, toFleetCounts } from "./redis-replies.ts";

interface RedisIndexDeps {
  readonly calls: RedisCalls;
  readonly load: (id: SessionId) => Promise<SessionRecord | undefined>;
}

/** Which sessions there are, and how many of which kind: of all beaches, or of one. */
export class RedisIndex {
  readonly #deps: RedisIndexDeps;

  constructor(deps: RedisIndexDeps) {
    this.#deps = deps;
  }

  async list({ beachId, after, limit }: SessionPage): Promise<readonly SessionRecord[]> {
    const page: SessionRecord[] = [];
    let from = after;
    while (page.length < limit) {
      const ids = await this.#idsAfter(from, beachId, limit - page.length);
      if (ids.length === 0) break;
      from = ids.at(-1);
      for (const record of await Promise.all(ids.map((id) => this.#load(id)))) {
        // It may have been detached, and attached elsewhere, since the index was read.
        if (record?.kind !== "attached") continue;
        if (beachId === undefined || record.beachId === beachId) page.push(record);
      }
    }
    return page;
  }

  async count(beachId: BeachId | undefined): Promise<FleetCounts> {
    const counts = buckets.map((keys, bucket) => {
      const key = beachId === undefined ? keys.counts : keys.countsOf(beachId);
      return this.#deps.calls.send(bucket, ["HMGET", key, ...countNames]);
    });
    return ((await Promise.all(counts)) as (readonly (string | null)[])[])
      .map(toFleetCounts)
      .reduce((sum, some) => addCounts(sum, some), nothingCounted);
  }

  /** A session that cannot be read is skipped. Reading records reports it. */
  async #load(id: SessionId): Promise<SessionRecord | undefined> {
    try {
      return await this.#deps.load(id);
    } catch (error) {
      if (error instanceof SessionUnreadable) return undefined;
      throw error;
    }
  }

  /** Ids of attached sessions, in order. */
  async #idsAfter(
    after: SessionId | undefined,
    beachId: BeachId | undefined,
    limit: number,
  ): Promise<readonly SessionId[]> {
    const from = after === undefined ? "-" : `(${after}`;
    const ids = buckets.map((keys, bucket) => {
      const index = beachId === undefined ? keys.sessions : keys.sessionsOf(beachId);
      const range = [index, from, "+", "BYLEX", "LIMIT", "0", String(limit)];
      return this.#deps.calls.send(bucket, ["ZRANGE", ...range]) as Promise<readonly SessionId[]>;
    });
    return (await Promise.all(ids)).flat().toSorted(byCode).slice(0, limit);
  }
}

function byCode(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
