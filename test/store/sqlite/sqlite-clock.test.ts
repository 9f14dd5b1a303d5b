import { describe, expect, test } from "vitest";

import { openStore } from "../../../src/store/open-store.ts";
import { accepted } from "../../support/redis/redis-service.ts";
import { manualClock } from "../../support/service/manual-clock.ts";
import { attach, serviceUnderTest } from "../../support/service/session-service.ts";
import { acquire } from "../../support/service/watching.ts";
import { type StoreFolder, storeFolder, withDatabase } from "../../support/store/store-files.ts";

const year = 365 * 86_400_000;
const today = Date.parse("2026-01-02T03:04:05Z");

/** One process after another on the file, each on a machine whose wall clock shows `wall`. */
async function run<T>(
  folder: StoreFolder,
  wall: number,
  live: (under: Awaited<ReturnType<typeof serviceUnderTest>>) => Promise<T>,
): Promise<T> {
  const clock = manualClock(wall);
  await using store = await folder.open({ clock });
  clock.beginAt((await store.lastAlive()) ?? 0);
  await using under = await serviceUnderTest({ store, clock });
  return await live(under);
}

describe("a process that starts again on a file", () => {
  test.each([
    ["2040 is corrected", today + 14 * year, today],
    ["2000 is corrected", today - 26 * year, today],
    ["stands still", today, today],
  ])("on a wall clock that %s gives each lease its time again", async (_, before, after) => {
    await using folder = await storeFolder();
    const lease = await run(folder, before, async (under) => {
      await accepted(under, "s1", attach);
      await acquire(under, "s1", "tile");
      await under.clock.advance(29_990);
      const { session } = await accepted(under, "s1", { kind: "PassTime" });
      return session.leases.live[0];
    });
    await run(folder, after, async (under) => {
      const { session } = await accepted(under, "s1", { kind: "PassTime" });
      const [live] = session.leases.live;
      expect(live?.id).toBe(lease?.id);
      const leftMs = (live?.expiresAt ?? 0) - under.clock.now();
      expect(leftMs).toBeGreaterThanOrEqual(30_000);
      expect(leftMs).toBeLessThanOrEqual(33_000);
      const shown = under.service.toWall(live?.expiresAt ?? 0);
      expect(shown).toBe(under.clock.wall() + leftMs);
    });
  });

  test.each([
    ["alive", "UPDATE meta SET value = ? WHERE name = 'alive'"],
    ["of a gap", "INSERT INTO gap (number, begins, ends, kind) VALUES (1, 0, ?, 'stall')"],
  ])("goes on from the last moment %s, however far ahead", async (_, statement) => {
    await using folder = await storeFolder();
    const place = { kind: "sqlite", path: folder.storePath } as const;
    const options = {
      clock: undefined,
      lockWaitMs: 0,
      onLockWait: () => undefined,
      acknowledgements: 0,
      redisWaitMs: 0,
      onRedisWait: () => undefined,
      onFailure: () => undefined,
    };
    const recorded = Date.now() + 14 * year;
    const first = await openStore(place, options);
    await (first.store.kind === "sole" && first.store.recordAlive(Date.now()));
    await first.store[Symbol.asyncDispose]();
    withDatabase(folder.storePath, (db) => db.prepare(statement).run(recorded));
    const second = await openStore(place, options);
    await using _store = second.store;
    expect(second.clock.now()).toBeGreaterThanOrEqual(recorded);
    expect(second.clock.now()).toBeLessThan(recorded + 60_000);
  });
});
