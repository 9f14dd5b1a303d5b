import { join } from "node:path";

import { describe, expect, it, vi } from "vitest";

import { type RunningService, runService } from "../support/process/run-service.ts";
import { patient } from "../support/runs/patient.ts";
import { servePage } from "./built-page.ts";
import { chromiumPath, openBrowser } from "./chromium.ts";

const sessionId = "session-1";

async function liveLeases({ registry }: RunningService): Promise<number> {
  const { sessions } = await registry.listSessions({});
  return sessions[0]?.leases.length ?? 0;
}

describe.runIf(chromiumPath !== undefined)("A page with tiles of the library", () => {
  it("holds 20 leases over one stream, and gives them up when somebody leaves it", async () => {
    await using service = await runService();
    await using page = await servePage(join(import.meta.dirname, "page"));
    await using browser = await openBrowser();
    await service.registry.attachSession({ sessionId, privateBeachId: "beach-1" });

    const tab = await browser.context.newPage();
    const watches: string[] = [];
    tab.on("request", (request) => {
      if (request.url().endsWith("/WatchTransport") && request.method() === "POST") {
        watches.push(request.url());
      }
    });
    await tab.goto(`${page.url}?service=${service.httpUrl("")}&session=${sessionId}&tiles=20`);
    await tab.locator("#lease", { hasText: /^held 20$/ }).waitFor();
    expect(await liveLeases(service)).toBe(20);
    expect(watches).toHaveLength(1);

    await tab.goto("about:blank");
    await vi.waitUntil(async () => (await liveLeases(service)) === 0, patient);
  }, 60_000);
});
