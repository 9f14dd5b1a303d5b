import { join } from "node:path";

import { paceDefault } from "../../../src/demo/court/court.ts";
import type { Mark } from "../../../src/demo/pong/story.ts";
import { type CourtUnderTest, startCourt } from "../../support/process/court-under-test.ts";
import { openBrowser } from "../chromium.ts";
import { openPage } from "../operators/opened-page.ts";

// `npm run pong-picture`: makes the picture of the README anew, at the pace of the demo. It shows
// renewals with the service first, then as they were, and is taken while the game stands still.

const picture = join(import.meta.dirname, "../../../src/demo/pong.png");
const renewals = { refreshed: 9, handshake: 6 } as const;

async function see(running: CourtUnderTest, mark: keyof typeof renewals): Promise<void> {
  const isMark = (value: Mark): boolean => value === mark;
  for (let count = 0; count < renewals[mark]; count += 1) {
    await running.event((event) => event.kind === "mark" && isMark(event.mark));
  }
}

await using running = await startCourt(paceDefault);
await using browser = await openBrowser();
const { tab } = await openPage(browser.context, running.url);
await tab.setViewportSize({ width: 1180, height: 1016 });
await see(running, "refreshed");
await tab.locator("#old").click();
await see(running, "handshake");
await tab.locator("#frozen", { hasText: /for 1\.\d s/ }).waitFor();
await tab.mouse.move(0, 0);
await tab.screenshot({ path: picture, fullPage: true });
process.stdout.write(`${picture}\n`);
