import { expect, test } from "vitest";

import type { Gap } from "../../src/core/session.ts";
import { ProcessGapKeeper } from "../../src/service/process-gap-keeper.ts";
import { manualClock } from "../support/manual-clock.ts";
import { storeFolder } from "../support/store-files.ts";

test("who comes while the disk is slow waits for every stall that is not on record yet", async () => {
  await using folder = await storeFolder();
  const clock = manualClock();
  await using store = await folder.open({ clock });
  const told: Gap[] = [];
  const keeper = new ProcessGapKeeper({
    store,
    clock,
    isNeeded: () => true,
    observe: (event) => {
      if (event.kind === "gap") told.push(event.gap);
    },
  });
  await keeper.start();
  void clock.jump(2_000);
  const first = keeper.observe(clock.now());
  void clock.jump(2_000);
  const second = keeper.observe(clock.now());
  await first;
  expect(told.map(({ number }) => number)).toEqual([1]);
  expect(keeper.observe(clock.now())).toBe(second);
  await second;
  expect(keeper.gapsOf().map(({ number }) => number)).toEqual([1, 2]);
  expect(keeper.observe(clock.now())).toBeUndefined();
});
