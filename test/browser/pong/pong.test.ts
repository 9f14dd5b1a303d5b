import { setTimeout as delay } from "node:timers/promises";

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { current, type Mark, type Tally } from "../../../src/demo/pong/story.ts";
import { type CourtUnderTest, startCourt } from "../../support/process/court-under-test.ts";
import { chromiumPath, openBrowser } from "../chromium.ts";
import { type OpenedPage, openPage } from "../operators/opened-page.ts";

// One game in one open page: each test takes it up where the one before has left it.
// A machine that stands still for a moment drops a ball or delays a renewal: then a step is tried again.
describe.runIf(chromiumPath !== undefined)(
  "The game of Pong in a real browser",
  { retry: 2 },
  () => {
    const open = new AsyncDisposableStack();
    let running: CourtUnderTest;
    let page: OpenedPage;
    let tab: Page;

    beforeAll(async () => {
      running = open.use(await startCourt());
      const { context } = open.use(await openBrowser());
      page = await openPage(context, running.url);
      tab = page.tab;
      await shown("#path", "On the fast path");
    });
    afterAll(() => open.disposeAsync());

    const shown = (selector: string, text: string | RegExp): Promise<void> =>
      tab.locator(selector, { hasText: text }).waitFor({ timeout: 20_000 });
    const press = async (intervention: string): Promise<void> => {
      await tab.locator(`[data-intervention="${intervention}"]`).click();
      await expect.poll(() => tab.locator("#notice").textContent()).toBe("");
    };
    const marked = (mark: Mark): Promise<unknown> =>
      running.event((event) => event.kind === "mark" && event.mark === mark);
    const strokesShown = async (): Promise<number> =>
      Number(await tab.locator("#hits").textContent());
    const seenStroke = async (): Promise<void> => {
      const before = await strokesShown();
      await expect.poll(strokesShown, { timeout: 20_000 }).not.toBe(before);
    };
    /** What a stretch brought one of the regimes. */
    const brought = async (
      regime: "ours" | "old",
      stretch: () => Promise<unknown>,
    ): Promise<Tally> => {
      const before = running.court.story.tallies[regime];
      await stretch();
      const { renewals, handshakes, actions, late, longestMs, dropped } =
        running.court.story.tallies[regime];
      return {
        renewals: renewals - before.renewals,
        handshakes: handshakes - before.handshakes,
        actions: actions - before.actions,
        late: late - before.late,
        longestMs,
        dropped: dropped - before.dropped,
      };
    };
    let lateWithUs = 0;

    it("goes on over renewals, each of which leaves the fast path alone", async () => {
      await seenStroke();
      const with3Renewals = await brought("ours", async () => {
        for (let times = 0; times < 3; times += 1) await marked("refreshed");
      });
      expect(with3Renewals).toMatchObject({ renewals: 3, handshakes: 0, dropped: 0 });
      lateWithUs = with3Renewals.late / with3Renewals.actions;
      expect(running.court.story.fastPaths).toBe(1);
      expect(await tab.locator(".mark-refreshed").count()).toBeGreaterThanOrEqual(3);
      expect(await tab.locator(".mark-handshake").count()).toBe(0);
    });

    it("freezes at each renewal as it used to be done", async () => {
      const fastPaths = running.court.story.fastPaths;
      const with3Renewals = await brought("old", async () => {
        const handshake = marked("handshake");
        await tab.getByRole("switch", { name: "Old behaviour" }).click();
        await handshake;
        await shown("#frozen", /^Frozen for \d/);
        await marked("handshake");
        await marked("handshake");
      });
      const { renewals, handshakes, late, actions } = with3Renewals;
      expect([renewals, handshakes]).toEqual([3, 3]);
      // Nothing is shown for almost half of the time, which with the service never happens.
      expect(late / actions).toBeGreaterThan(0.2 + 2 * lateWithUs);
      expect(running.court.story.fastPaths).toBeGreaterThanOrEqual(fastPaths + 2);
      expect(running.court.story.tallies.old.longestMs).toBeGreaterThan(1_000);
    });

    it("falls back to HTTP when its fast path is killed, and comes back", async () => {
      const isOursAndUp = (): boolean => {
        const { paths, regimes, isNegotiating } = running.court.story;
        return current(regimes) === "ours" && current(paths) === "fast_path" && !isNegotiating;
      };
      await tab.getByRole("switch", { name: "Old behaviour" }).click();
      await expect.poll(isOursAndUp, { timeout: 20_000 }).toBe(true);
      await shown("#path", "On the fast path");
      const overHttp = running.event((event) => event.kind === "picture" && event.over === "http");
      await press("kill");
      await overHttp;
      await shown("#path", "HTTP fallback");
      await shown("#path", "On the fast path");
      await running.event((event) => event.kind === "picture" && event.over === "fast_path");
      expect(await tab.locator(".area-http").getAttribute("d")).not.toBe("");
    });

    it("does not notice that the service is killed and started again", async () => {
      const { fastPaths } = running.court.story;
      const away = running.event((event) => event.kind === "service" && event.isAway);
      const back = running.event((event) => event.kind === "service" && !event.isAway);
      const seen: string[] = [];
      let isAway = false;
      const stop = running.court.listen({
        onGame: () => undefined,
        onEvent: (event) => {
          if (event.kind === "service") isAway = event.isAway;
          if (event.kind === "picture" && isAway) seen.push(event.over);
          if (event.kind === "dropped") seen.push("dropped");
        },
      });
      await press("restart");
      await away;
      await shown("#path-note", "The service is away");
      await back;
      await marked("refreshed");
      stop();
      expect(seen.length).toBeGreaterThan(5);
      expect(new Set(seen)).toEqual(new Set(["fast_path"]));
      expect(running.court.story.fastPaths).toBe(fastPaths);
      expect(current(running.court.story.paths)).toBe("fast_path");
    });

    it("goes on while its fast path is replaced", async () => {
      const { fastPaths } = running.court.story;
      const { generation } = running.court.story;
      const beside = running.event(
        (event) => event.kind === "path" && event.isNegotiating && event.path === "fast_path",
      );
      const replaced = running.event(
        (event) => event.kind === "path" && event.generation > generation,
      );
      const during = await brought("ours", async () => {
        // The service has just restarted, and may not answer at first.
        for (let tries = 0; tries < 6; tries += 1) {
          await tab.locator('[data-intervention="replace"]').click();
          if (await Promise.race([beside.then(() => true), delay(3_000, false)])) break;
        }
        await beside;
        await replaced;
      });
      expect(running.court.story.fastPaths).toBeGreaterThan(fastPaths);
      expect(during.dropped).toBe(0);
      await shown("#path", "On the fast path");
    });

    it("gives the left paddle to the player who takes the keys", async () => {
      await tab.locator("#paddle").focus();
      await tab.keyboard.down("ArrowUp");
      await shown("#left-player", "The left paddle is yours.");
      const reached = await running.game(({ left }) => left.y < 20);
      await tab.keyboard.up("ArrowUp");
      expect(reached.left.to).toBeLessThan(20);
    });

    it("stands still at first for whoever wants less motion, and says its figures all the same", async () => {
      const still = await tab.context().newPage();
      await still.emulateMedia({ reducedMotion: "reduce" });
      await still.goto(running.url);
      const play = still.getByRole("button", { name: "Play the picture" });
      await play.waitFor();
      await still.locator("#path", { hasText: "On the fast path" }).waitFor();
      expect(await still.locator("#drawing > *").count()).toBe(0);
      await play.click();
      await still.locator(".area-fast").waitFor({ state: "attached" });
      await still.close();
    });

    it("can be used by everybody, in the light and in the dark, also on a phone", async () => {
      expect(await page.seriousFindings()).toEqual([]);
      await tab.emulateMedia({ colorScheme: "dark" });
      await tab.setViewportSize({ width: 375, height: 800 });
      expect(await page.seriousFindings()).toEqual([]);
      const widthOfAll = await tab.evaluate("document.documentElement.scrollWidth");
      expect(widthOfAll).toBe(375);
    });

    it("had nothing to complain of, its own policy included", () => {
      expect(page.complaints).toEqual([]);
    });
  },
);
