import { expect, test } from "vitest";

import { defaultPolicy } from "../../../src/core/policy.ts";
import { Random } from "../../support/runs/random.ts";
import type { FaultPlan } from "../faults/fault.ts";
import { StoreWeather } from "../faults/store-weather.ts";
import { History } from "../seen/history.ts";
import { Disk } from "../service/disk.ts";
import { SimulatedService } from "../service/simulated-service.ts";
import { Timeline } from "../timeline.ts";
import { Network } from "./network.ts";

test("a stream that was on its way to a process that went ends, and reaches no other process", async () => {
  const timeline = new Timeline(1_000_000);
  const history = new History(timeline);
  const random = new Random(1);
  const plan: FaultPlan = new Map([["message delayed", 1]]);
  const ignore = (): void => undefined;
  const now = (): number => timeline.now;
  const service: SimulatedService = new SimulatedService({
    timeline,
    disk: new Disk(),
    weather: new StoreWeather({ plan, random, now, count: ignore, onFault: ignore }),
    policy: defaultPolicy,
    random,
    observe: ignore,
    onGone: () => network.breakStreams(),
  });
  const network = new Network({ timeline, history, service, plan, random, count: ignore });
  await service.start();
  let ends = 0;
  network.link("reader").watch({
    selection: {
      sessions: { kind: "named", ids: ["s1"] },
      knownVersions: new Map(),
      reader: "onlooker",
    },
    paceMs: () => 0,
    isFast: true,
    onMessage: () => expect.fail("a message"),
    onEnd: () => {
      ends += 1;
    },
  });
  service.crash();
  await service.start();
  await timeline.runUntil(1_060_000);
  expect(ends).toBe(1);
  expect(history.sights.map(({ kind }) => kind)).toEqual(["closed"]);
});
