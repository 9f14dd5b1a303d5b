import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import type { Gap } from "../../../src/core/session.ts";
import { ProcessGapKeeper } from "../../../src/service/gaps/process-gap-keeper.ts";
import { type SoleStore, StoreUnavailable } from "../../../src/service/session-store.ts";
import { type ManualClock, manualClock } from "../../support/service/manual-clock.ts";
import { copyOf, storeFolder } from "../../support/store/store-files.ts";
import {
  builtAt,
  insertion,
  revisionOf,
  sessionRecord,
  sessionsOf,
} from "../../support/store/store-records.ts";

interface Kept {
  readonly keeper: ProcessGapKeeper;
  readonly received: readonly Gap[];
}

async function keeperOf(store: SoleStore, clock: ManualClock): Promise<Kept> {
  const received: Gap[] = [];
  const keeper = new ProcessGapKeeper({
    store,
    clock,
    isNeeded: () => true,
    observe: (event) => {
      if (event.kind === "gap") received.push(event.gap);
    },
  });
  await keeper.start();
  return { keeper, received };
}

/** Time passes, and no answer of the store's thread is heard meanwhile. */
async function passWithoutAnswers(clock: ManualClock, durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 250) {
    void clock.jump(250);
    for (let count = 0; count < 50; count += 1) await undefined;
  }
}

function expectNoOverlap(gaps: readonly Gap[]): void {
  for (const [index, gap] of gaps.entries()) {
    expect(gap.from).toBeGreaterThanOrEqual(gaps[index - 1]?.until ?? 0);
  }
}

test("a caller during a slow write waits for every stall that is not recorded yet", async () => {
  await using folder = await storeFolder();
  const clock = manualClock();
  await using store = await folder.open({ clock });
  const { keeper, received } = await keeperOf(store, clock);
  void clock.jump(2_000);
  const first = keeper.observe(clock.now());
  void clock.jump(2_000);
  const second = keeper.observe(clock.now());
  await first;
  expect(received.map(({ number }) => number)).toEqual([1]);
  expect(keeper.isCurrent("s1", clock.now())).toBe(false);
  await keeper.observe(clock.now());
  expect(keeper.gapsOf().map(({ number }) => number)).toEqual([1, 2]);
  await second;
  expect(keeper.isCurrent("s1", clock.now())).toBe(true);
});

test("a moment alive that takes long to write is no stall", async () => {
  await using folder = await storeFolder();
  const clock = manualClock();
  await using store = await folder.open({ clock });
  const { keeper, received } = await keeperOf(store, clock);
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  await passWithoutAnswers(clock, 5_000);
  expect(keeper.isCurrent("s1", clock.now())).toBe(true);
  stop.abort();
  await running;
  expect(received).toEqual([]);
});

test("a disk that hangs is a stall, to its end and without an overlap", async () => {
  await using folder = await storeFolder();
  const clock = manualClock();
  await using store = await folder.open({ clock });
  const { keeper, received } = await keeperOf(store, clock);
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  const committing = store.commit(insertion(sessionRecord()));
  await new Promise((resolve) => setImmediate(resolve));
  const hungAt = clock.now();
  await passWithoutAnswers(clock, 3_000);
  expect(store.isLate).toBe(true);
  const waiting = keeper.observe(clock.now());
  expect(waiting).toBeInstanceOf(Promise);
  await passWithoutAnswers(clock, 2_000);
  // Somebody else comes, and is as deaf.
  const later = keeper.observe(clock.now());
  await Promise.all([waiting, later, committing]);
  for (let count = 0; count < 8; count += 1) {
    await clock.advance(250);
    await sleep(10);
  }
  stop.abort();
  await running;
  expect(store.isLate).toBe(false);
  expectNoOverlap(received);
  expect(new Set(received.map(({ kind }) => kind))).toEqual(new Set(["stall"]));
  const totalMs = received.reduce((sum, { from, until }) => sum + until - from, 0);
  // Its first half second makes it late, and less than a stall may go by unnoticed at its end.
  expect(totalMs).toBeGreaterThanOrEqual(5_000 - 750 - 1_250);
  expect(received[0]?.from).toBeLessThanOrEqual(hungAt + 750);
});

describe("what the process has not put on record when it ends begins the next gap:", () => {
  const aliveAt = 1_000_000;

  async function nextGap(
    deafen: (keeper: ProcessGapKeeper, clock: ManualClock) => void,
  ): Promise<Gap> {
    await using folder = await storeFolder();
    const clock = manualClock(aliveAt);
    {
      await using store = await folder.open({ clock });
      const { keeper } = await keeperOf(store, clock);
      await store.commit(insertion(sessionRecord()));
      deafen(keeper, clock);
      // Whoever wrote this was heard before, and waited for the disk meanwhile.
      await store.commit(insertion(sessionRecord({ id: "other" })));
      await using killed = await copyOf(folder.storePath);
      expect(await killed.store.lastAlive()).toBe(aliveAt);
    }
    await clock.advance(50);
    await using store = await folder.open({ clock });
    const { received } = await keeperOf(store, clock);
    const [gap] = received;
    if (gap === undefined) throw new Error("a start records an absence");
    return gap;
  }

  test("an outage of the store that has just ended", async () => {
    const gap = await nextGap((keeper, clock) => {
      keeper.noteStoreFault();
      void clock.jump(1_000);
    });
    expect(gap).toMatchObject({ from: aliveAt, until: aliveAt + 1_050 });
  });

  test("a stall that nobody has noticed yet", async () => {
    const gap = await nextGap((_, clock) => void clock.jump(9_000));
    expect(gap).toMatchObject({ from: aliveAt, until: aliveAt + 9_050 });
  });

  test("a suspend that nobody has noticed yet", async () => {
    const gap = await nextGap((keeper, clock) => {
      void clock.suspend(9_000);
      keeper.noteSuspend();
    });
    expect(gap).toMatchObject({ from: aliveAt, until: aliveAt + 9_050 });
  });
});

test("absences on a disk that takes gaps and no moment alive do not overlap", async () => {
  await using folder = await storeFolder();
  const clock = manualClock(builtAt);
  const store = await folder.open({ clock, fileBytesMax: 200_000 });
  const [big, small] = sessionsOf("beach-1", ["big", "small"]);
  if (big === undefined || small === undefined) throw new Error("two sessions were asked for");
  const lastChange = { change: "attached", reason: "x".repeat(120_000), at: builtAt } as const;
  await store.commit(insertion(big));
  await store.commit(insertion(small));
  await store.commit(revisionOf(big, { lastChange }));
  await store.commit(revisionOf(small, { lastChange }, { durability: "behind" }));
  const { keeper, received } = await keeperOf(store, clock);
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  for (let count = 0; count < 24; count += 1) {
    await clock.advance(250);
    await sleep(20);
  }
  stop.abort();
  await running;
  await expect(store[Symbol.asyncDispose]()).rejects.toThrow(StoreUnavailable);
  expect(received.length).toBeGreaterThan(1);
  expectNoOverlap(received);
});
