import { expect, test } from "vitest";

import type { ServerInfo } from "../../../../src/store/redis/link/redis-link.ts";
import { RedisWatchman } from "../../../../src/store/redis/link/redis-watchman.ts";

/** A watchman over servers that say what `answers` holds, look by look. */
function watching(answers: ServerInfo[][], failures = 0) {
  const dropped: number[] = [];
  let failing = failures;
  const watchman = new RedisWatchman({
    inform: async () => answers.shift() ?? [],
    onFault: () => undefined,
    onDropped: async (keys) => {
      if (failing-- > 0) throw new Error("Redis does not answer");
      dropped.push(keys);
    },
  });
  return { watchman, dropped };
}

function server(run: string, dropped: number): ServerInfo {
  const info = { redis_version: "7.0.15", maxmemory_policy: "noeviction", role: "master" };
  return new Map(Object.entries({ ...info, run_id: run, evicted_keys: String(dropped) }));
}

test("keys dropped while a server could not be asked are noticed once it answers again", async () => {
  const [a, b] = [server("a", 0), server("b", 0)];
  const { watchman, dropped } = watching([[a, b], [a], [a, server("b", 5)]]);
  for (let look = 0; look < 3; look++) await watchman.look();
  expect(dropped).toEqual([5]);
});

test("dropped keys that could not be acted on are noticed again by the next look", async () => {
  const { watchman, dropped } = watching([[server("a", 0)], [server("a", 7)], [server("a", 7)]], 1);
  await watchman.look();
  await expect(watchman.look()).rejects.toThrow("Redis does not answer");
  await watchman.look();
  expect(dropped).toEqual([7]);
});
