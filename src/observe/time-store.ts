import type { CommitResult, SessionStore } from "../service/session-store.ts";
import type { Metrics } from "./metrics.ts";

/**
 * From now on the calls of a store are timed, and its conflicts counted. What it does without being
 * waited for is not: that is nearly every renewal of a store in one process.
 *
 * @param now milliseconds that never go back
 */
export function timeStore(store: SessionStore, metrics: Metrics, now: () => number): void {
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
  const commit: SessionStore["commit"] = (change) => {
    if (store.kind === "sole" && change.durability === "behind") return commitNow(change);
    const result = commitTimed(change);
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

function countConflict(result: CommitResult, conflicts: Metrics["storeConflicts"]): void {
  if (result !== "committed") conflicts.count(result);
}
