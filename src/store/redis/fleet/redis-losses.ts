import type { SessionId } from "../../../core/ids.ts";
import type { SessionRecord } from "../../../core/session.ts";
import type { StoreFailure } from "../../../service/session-store.ts";
import type { Clock } from "../../../service/time/clock.ts";
import type { RedisCalls } from "../link/redis-calls.ts";
import { type Edit, editsOf } from "../records/redis-edits.ts";
import { type BucketKeys, bucketOf, buckets, keysOf } from "../records/redis-keys.ts";
import { beginIncarnationScript, forgetLostScript } from "../records/redis-scripts.ts";
import { noticeOfLoss } from "./redis-notices.ts";

interface RedisLossesDeps {
  readonly calls: RedisCalls;
  readonly clock: Clock;
  readonly processId: string;
  readonly database: number;
  readonly onFailure: (failure: StoreFailure) => void;
}

/**
 * Losses of data that Redis had shown. Each begins an incarnation, so that no counter of a session
 * repeats and followers read again.
 */
export class RedisLosses {
  readonly #deps: RedisLossesDeps;

  constructor(deps: RedisLossesDeps) {
    this.#deps = deps;
  }

  /**
   * The record of a session is gone. If that is news, the indexes forget the session too.
   *
   * @param known the record that this process remembers; without it the counts stay wrong
   */
  async ofSession(id: SessionId, known: SessionRecord | undefined): Promise<void> {
    const { calls, clock, processId, database, onFailure } = this.#deps;
    const keys = keysOf(id);
    const edits =
      known?.kind === "attached"
        ? editsOf(keys, { id, previous: known, next: undefined })
        : uncounted(keys);
    const forgotten = await calls.run(
      bucketOf(id),
      forgetLostScript,
      [keys.session(id), keys.state, keys.deadlines, keys.sessions],
      [
        ...[id, String(clock.now()), JSON.stringify(edits), keys.changesIn(database)],
        noticeOfLoss(id, known?.beachId, processId),
      ],
    );
    if (forgotten !== 1) return;
    const error = new Error(`Redis has lost the record of session '${id}'`);
    onFailure({ where: "lost session", sessionId: id, error });
  }

  /** Redis shows an older record than this process knew. */
  async ofChanges(id: SessionId): Promise<void> {
    await this.#begin(bucketOf(id));
  }

  /** Servers have dropped keys. Which sessions they belonged to is unknown. */
  async ofKeys(count: number): Promise<void> {
    const error = new Error(
      `Redis has dropped ${count} keys for lack of memory, perhaps with sessions; give it more memory, and set maxmemory-policy to noeviction`,
    );
    this.#deps.onFailure({ where: "lost keys", error });
    await Promise.all(buckets.map((_, bucket) => this.#begin(bucket)));
  }

  async #begin(bucket: number): Promise<void> {
    const { state } = buckets[bucket] as BucketKeys;
    const now = String(this.#deps.clock.now());
    await this.#deps.calls.run(bucket, beginIncarnationScript, [state], [now]);
  }
}

function uncounted({ counts }: BucketKeys): readonly Edit[] {
  return [["HINCRBY", counts, "sessions", "-1"]];
}
