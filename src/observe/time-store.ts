import type { CommitResult, SessionStore } from "../service/session-store.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Tracing } from "./traces/tracing.ts";

interface TimeStoreOptions {
  readonly metrics: Pick<Metrics, "storeSeconds" | "storeConflicts">;
  readonly tracing: Tracing | undefined;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/**
 * From now on the calls of a store are timed, its conflicts counted, and commits traced. A commit
 * that nobody waits for is none of these: with a store of one process, that is nearly every renewal.
 */
export function timeStore(store: SessionStore, { metrics, tracing, now }: TimeStoreOptions): void {
  const timed = <Args extends unknown[], Answer>(
    operation: string,
    call: (...args: Args) => Promise<Answer>,
  ): ((...args: Args) => Promise<Answer>) => {
    const buckets = metrics.storeSeconds.of(operation);
    return (...args) => {
      const from = now();
      const answer = call(...args);
      const took = (): void => buckets.take((now() - from) / 1000);
      // Beside the answer, which reaches the caller no later for it.
      answer.then(took, took);
      return answer;
    };
  };
  const { storeConflicts } = metrics;
  const commitNow = store.commit.bind(store) as SessionStore["commit"];
  const commitTimed = timed("commit", commitNow);
  const traced: SessionStore["commit"] =
    tracing === undefined
      ? commitTimed
      : (change) => tracing.child(commitSpan, () => commitTimed(change));
  const commit: SessionStore["commit"] = (change) => {
    if (store.kind === "sole" && change.durability === "behind") return commitNow(change);
    const result = traced(change);
    result.then(
      (is) => countConflict(is, storeConflicts),
      () => undefined,
    );
    return result;
  };
  Object.assign(store, {
    commit,
    load: timed("load", store.load.bind(store)),
    list: timed("list", store.list.bind(store)),
    due: timed("due", store.due.bind(store)),
    ...(store.kind === "shared" && {
      heartbeat: timed("heartbeat", store.heartbeat.bind(store)),
      count: timed("count", store.count.bind(store)),
    }),
  });
}

const commitSpan = { name: "store commit", attributes: { "db.operation.name": "commit" } };

function countConflict(result: CommitResult, conflicts: Metrics["storeConflicts"]): void {
  if (result !== "committed") conflicts.count(result);
}
