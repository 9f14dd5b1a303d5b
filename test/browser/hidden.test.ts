import { join } from "node:path";

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import type { Lease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { type RunningService, runService } from "../support/process/run-service.ts";
import { manualClock } from "../support/service/manual-clock.ts";
import { servePage } from "./built-page.ts";
import { chromiumPath, openBrowser } from "./chromium.ts";

const sessionId = "session-1";
const minuteMs = 60_000;

describe.runIf(chromiumPath !== undefined)("A hidden page with a tile of the library", () => {
  it("keeps its lease for ten minutes, although its timers run once a minute", async () => {
    const clock = manualClock(Date.now());
    await using service = await runService({ clock });
    await using page = await servePage(join(import.meta.dirname, "page"));
    await using browser = await openBrowser();
    await service.registry.attachSession({ sessionId, privateBeachId: "beach-1" });
    const tab = await browser.context.newPage();
    await tab.clock.install();
    await tab.goto(`${page.url}?service=${service.httpUrl("")}&session=${sessionId}&tiles=1`);
    await tab.locator("#lease", { hasText: /^held 1$/ }).waitFor();
    const granted = await onlyLease(service);

    await hide(tab);
    for (let minute = 1; minute <= 10; minute += 1) {
      await renewed(service);
      await clock.advance(minuteMs);
      // Each timer that is due fires once, however often it would have fired.
      await tab.clock.fastForward(minuteMs);
    }
    expect(await onlyLease(service)).toMatchObject({ leaseId: granted.leaseId });
    expect(await tab.locator("#lease").textContent()).toBe("held 1");
  }, 60_000);
});

/** Until the lease outlives the minute in which the page's timers stand still. */
async function renewed(service: RunningService): Promise<void> {
  const remaining = async (): Promise<number> => {
    const { expiresIn } = await onlyLease(service);
    return expiresIn === undefined ? 0 : durationMs(expiresIn);
  };
  await expect.poll(remaining, { timeout: 10_000 }).toBeGreaterThan(minuteMs);
}

async function onlyLease({ registry }: RunningService): Promise<Lease> {
  const { sessions } = await registry.listSessions({});
  const [lease, ...others] = sessions[0]?.leases ?? [];
  expect(others).toEqual([]);
  if (lease === undefined) throw new Error("the page has lost its lease");
  return lease;
}

/** Chromium without a screen shows every page, so the page is told that it is hidden. */
async function hide(tab: Page): Promise<void> {
  await tab.evaluate(`
    Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
}
