import { createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ControllerLease } from "../../src/gen/beach/controller/v1/controller_lease_pb.js";
import { FastPathRegistry } from "../../src/gen/beach/controller/v1/fast_path_registry_pb.js";
import { type Clock, systemClock } from "../../src/service/time/clock.ts";
import { runSecure } from "../server/tls/secure-service.ts";
import { hasOpenssl } from "../support/network/certificates.ts";
import { jwtMode } from "../support/process/jwt-mode.ts";
import {
  type RunningService,
  type RunOptions,
  runService,
} from "../support/process/run-service.ts";
import { storeFolder } from "../support/store/store-files.ts";
import { chromiumPath, openBrowser } from "./chromium.ts";
import { actingSession, actingSessions } from "./operators/acting-session.ts";
import { buildPage, openPage } from "./operators/opened-page.ts";

const beach = "beach-1";
const hourMs = 3_600_000;

describe.runIf(chromiumPath !== undefined)("The operators' page in a real browser", () => {
  let built: Awaited<ReturnType<typeof buildPage>>;
  let browser: Awaited<ReturnType<typeof openBrowser>>;

  beforeAll(async () => {
    [built, browser] = await Promise.all([buildPage(), openBrowser()]);
  });
  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    await built[Symbol.asyncDispose]();
  });

  const serve = (options: RunOptions = {}): Promise<RunningService> =>
    runService({ ...options, pageFolder: built.folder });
  const open = (service: RunningService) => openPage(browser.context, service.httpUrl("/"));

  it("shows two sessions, and a fast path that dies and comes back as a gap", async () => {
    await using service = await serve();
    const first = await actingSession(service, "pong-1", beach);
    await actingSession(service, "pong-2", beach);
    await first.hold("account-1", "pong_showcase");
    await first.confirm();
    const page = await open(service);

    await page.path("pong-1", "Fast path").waitFor();
    await page.session("pong-1").getByText("account-1 · pong_showcase").waitFor();
    await page.path("pong-2", "Pending").waitFor();
    await page.tab.getByText("2 sessions").waitFor();

    await first.kill();
    await page.path("pong-1", "HTTP fallback").waitFor();
    await page.session("pong-1").getByText("connection closed").waitFor();
    await first.hold("account-1", "pong_showcase");
    await page.session("pong-1").locator('[data-phase="negotiating"]').waitFor();
    await first.confirm();
    await page.path("pong-1", "Fast path").waitFor();

    await page.tab.getByRole("button", { name: "pong-1" }).click();
    await page
      .session("pong-1")
      .getByText(/after .* without a fast path/)
      .first()
      .waitFor();
    const paths = page.session("pong-1").locator(".timeline-detail [data-path]");
    await paths.nth(2).waitFor();
    const names = (await paths.all()).map((one) => one.getAttribute("data-path"));
    expect(await Promise.all(names)).toEqual(["fast_path", "http_fallback", "fast_path"]);
    expect(page.complaints).toEqual([]);
  });

  it("renegotiates after a question, and shows that the old handshake goes on until then", async () => {
    await using service = await serve();
    const session = await actingSession(service, "pong-1", beach);
    await session.hold("account-1");
    await session.confirm();
    const page = await open(service);
    const { tab } = page;

    await tab.getByRole("button", { name: "pong-1" }).click();
    await tab.getByRole("button", { name: "Renegotiate…" }).click();
    await tab.getByRole("dialog").getByText("until the new one is confirmed").waitFor();
    await tab.getByRole("dialog").getByRole("button", { name: "Renegotiate" }).click();
    await tab.getByText("A handshake was started on pong-1").waitFor();

    const detail = page.session("pong-1").locator(".timeline-detail");
    await detail.locator('[data-phase="negotiating"]').waitFor();
    expect(await detail.locator('[data-phase="healthy"]').count()).toBe(1);
    await session.confirm();
    await detail.locator('[data-phase="lingering"]').waitFor();
    const story = await detail.getAttribute("aria-label");
    expect(story).toMatch(/with no gap: both handshakes overlapped for/);
    // The chart ends where its clock last ticked, which may have been before the overlap began.
    await expect.poll(() => overlapOf(detail), { timeout: 10_000 }).toBeGreaterThan(0);
    expect(await detail.locator('[data-path="http_fallback"]').count()).toBe(0);
    expect(page.complaints).toEqual([]);
  });

  it("revokes a lease with a hold, and says what became of it", async () => {
    await using service = await serve();
    const session = await actingSession(service, "pong-1", beach);
    await session.hold("account-1");
    await session.hold("account-2");
    const page = await open(service);
    const { tab } = page;

    await tab.getByRole("button", { name: "pong-1" }).click();
    await tab.getByRole("button", { name: "Revoke the lease of account-2 · tile" }).click();
    await tab.getByLabel("Hold", { exact: true }).selectOption({ label: "10 minutes" });
    await tab.getByLabel("Reason").fill("a drill");
    await tab.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await tab.getByText("1 lease was revoked on pong-1").waitFor();
    await tab
      .getByRole("button", { name: "Revoke the lease of account-2 · tile" })
      .waitFor({ state: "detached" });
    await tab.getByRole("button", { name: "Revoke the lease of account-1 · tile" }).waitFor();
    await expect(session.hold("account-2")).rejects.toThrow(/revoked/);
    await session.hold("account-1");
    expect(page.complaints).toEqual([]);
  });

  it("says that it is disconnected, and goes on from what it knows when the service is back", async () => {
    await using files = await storeFolder();
    const store = { path: `${files.path}/lease.db` };
    let service = await serve({ store });
    const session = await actingSession(service, "pong-1", beach);
    await session.hold("account-1");
    await session.confirm();
    const page = await open(service);
    await page.path("pong-1", "Fast path").waitFor();

    await service[Symbol.asyncDispose]();
    await page.tab.getByRole("alert").getByText("Disconnected.").waitFor();
    const resumed = page.tab.waitForRequest((request) =>
      (request.postDataBuffer() ?? "").includes("pong-1"),
    );
    service = await serve({ store, env: { LEASE_HTTP_LISTEN: service.addresses.http } });
    await using _restarted = service;
    await page.tab.getByText("Live", { exact: true }).waitFor();
    expect((await resumed).url()).toMatch(/WatchTransport$/);
    expect(await page.tab.getByRole("alert").count()).toBe(0);
    expect(await page.session("pong-1").locator('[data-phase="healthy"]').count()).toBe(1);
    const again = await actingSession(service, "pong-1", beach);
    await again.kill();
    await page.path("pong-1", "HTTP fallback").waitFor();
    expect(page.complaints).toEqual([]);
  });

  it("asks for a bearer, for another before that ends, and again when it has ended", async () => {
    await using jwt = await jwtMode();
    const clock = steppingClock();
    await using service = await serve({ clock, env: jwt.env });
    const manager = asManager(service, await jwt.manager({}, 5 * hourMs));
    const session = await actingSession(manager, "pong-1", beach);
    await session.hold("account-1");
    await session.confirm();
    const page = await open(service);
    const { tab } = page;

    await tab.getByLabel("Bearer", { exact: true }).fill("no bearer at all");
    await tab.getByRole("button", { name: "Show the sessions" }).click();
    await tab.getByRole("alert").getByText("This is no bearer").waitFor();
    const give = async (label: string, action: string, bearer: string): Promise<void> => {
      await tab.getByLabel(label, { exact: true }).fill(`Bearer ${bearer}`);
      await tab.getByRole("button", { name: action }).click();
    };
    await give("Bearer", "Show the sessions", await jwt.person({ scope: "pb:harness.publish" }));
    await tab.getByText("It lacks the scope pb:sessions.read.").waitFor();
    await give("Bearer", "Show the sessions", await jwt.person({ scope: "pb:sessions.read" }));
    await page.path("pong-1", "Fast path").waitFor();
    await tab.getByRole("button", { name: "pong-1" }).click();
    expect(await tab.getByRole("button", { name: "Renegotiate…" }).isDisabled()).toBe(true);

    clock.step(hourMs - 20_000);
    await tab.getByText("Your bearer ends soon.").waitFor();
    await tab.getByRole("button", { name: "Give a new bearer" }).click();
    await give("New bearer", "Use it", await jwt.person({}, 2 * hourMs));
    await tab.getByText("Your bearer ends soon.").waitFor({ state: "detached" });
    await tab.getByRole("button", { name: "Renegotiate…" }).and(tab.locator(":enabled")).waitFor();

    clock.step(hourMs + 120_000);
    await tab.getByText("Your bearer is no longer taken").waitFor();
    expect(await page.session("pong-1").count()).toBe(1);
    await give("Bearer", "Show the sessions", await jwt.person({}, 4 * hourMs));
    await tab.getByText("Live", { exact: true }).waitFor();
    await session.kill();
    await page.path("pong-1", "HTTP fallback").waitFor();
    expect(await tab.evaluate("localStorage.length")).toBe(0);
    expect(page.complaints).toEqual([]);
  });

  it.skipIf(!hasOpenssl)(
    "is the same over HTTP/2 with TLS, also for a caller with a bearer",
    async () => {
      await using jwt = await jwtMode();
      await using service = await runSecure({ env: jwt.env, pageFolder: built.folder });
      const manager = asManager(service, await jwt.manager());
      const session = await actingSession(manager, "pong-1", beach);
      const page = await open(service);
      await page.tab.getByLabel("Bearer", { exact: true }).fill(await jwt.person());
      await page.tab.getByRole("button", { name: "Show the sessions" }).click();
      await page.path("pong-1", "Pending").waitFor();
      await session.hold("account-1");
      await session.confirm();
      await page.path("pong-1", "Fast path").waitFor();
      const protocol = 'performance.getEntriesByType("navigation")[0].nextHopProtocol';
      expect(await page.tab.evaluate(protocol)).toBe("h2");
      expect(page.complaints).toEqual([]);
    },
  );

  it("asks which beach to follow where there are several, and waits where there is none", async () => {
    await using service = await serve();
    const page = await open(service);
    await page.tab.getByText("No sessions yet").waitFor();
    await actingSession(service, "pong-1", "beach-1");
    await page.session("pong-1").waitFor();
    await actingSession(service, "shell-1", "beach-2");
    await page.tab.getByRole("button", { name: "Change the private beach" }).click();
    await page.tab.getByRole("button", { name: "beach-2 1 session" }).click();
    await page.session("shell-1").waitFor();
    await page.tab.reload();
    await page.session("shell-1").waitFor();
    expect(page.complaints).toEqual([]);
  });

  it("stays small and without serious findings of axe-core with 500 sessions", async () => {
    await using service = await serve();
    const sessions = await actingSessions(service, beach, 500);
    const page = await open(service);
    const { tab } = page;
    await tab.getByText("500 sessions").waitFor();
    await sessions[1]?.kill();
    await tab.getByRole("button", { name: "pong-001" }).click();
    await tab.getByText("What happened").waitFor();
    expect(await page.seriousFindings()).toEqual([]);
    // Rows that are not seen are not there, and the keys reach them all the same.
    expect(await tab.locator(".session").count()).toBeLessThan(40);
    await tab.getByRole("button", { name: "pong-001" }).focus();
    for (let turn = 0; turn < 30; turn += 1) await tab.keyboard.press("ArrowDown");

    await tab.emulateMedia({ colorScheme: "dark" });
    expect(await page.seriousFindings(), "dark").toEqual([]);
    await tab.emulateMedia({ colorScheme: "light" });
    await tab.setViewportSize({ width: 375, height: 667 });
    const width = await tab.evaluate("document.documentElement.scrollWidth");
    expect(width, "nothing is wider than the phone").toBeLessThanOrEqual(375);
    expect(await page.seriousFindings(), "375 px").toEqual([]);

    await service.drain();
    await tab.getByRole("alert").getByText("Disconnected.").waitFor();
    expect(await page.seriousFindings(), "disconnected").toEqual([]);
    expect(page.complaints).toEqual([]);
  });
});

/** How far, on the chart, the oldest handshake reaches beyond where the next one begins; pixels. */
async function overlapOf(chart: Locator): Promise<number> {
  const bars = await chart.locator("[data-phase]").all();
  const drawn = await Promise.all(
    bars.map(async (bar) => {
      const { x, width } = (await bar.boundingBox()) ?? { x: 0, width: 0 };
      return { handshake: await bar.getAttribute("data-handshake"), left: x, right: x + width };
    }),
  );
  const isOldest = ({ handshake }: { handshake: string | null }): boolean =>
    handshake === drawn[0]?.handshake;
  const nextLeft = Math.min(...drawn.filter((bar) => !isOldest(bar)).map(({ left }) => left));
  return Math.max(...drawn.filter(isOldest).map(({ right }) => right)) - nextLeft;
}

/** The clients of a manager, on the internal door. */
function asManager({ addresses }: RunningService, bearer: string) {
  const bring: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${bearer}`);
    return next(request);
  };
  const transport = createGrpcTransport({
    baseUrl: `http://${addresses.grpc}`,
    interceptors: [bring],
  });
  return {
    lease: createClient(ControllerLease, transport),
    registry: createClient(FastPathRegistry, transport),
  };
}

/** The machine's clock, whose wall clock is set forward. */
function steppingClock(): Clock & { step(byMs: number): void } {
  const machine = systemClock();
  let aheadMs = 0;
  return {
    now: () => machine.now(),
    wall: () => machine.wall() + aheadMs,
    sleep: (durationMs, signal) => machine.sleep(durationMs, signal),
    jumps: (listener) => machine.jumps(listener),
    step: (byMs) => {
      aheadMs += byMs;
    },
  };
}
