import type { Place, World } from "../world.ts";
import { attachOf } from "./manager.ts";
import { Watcher } from "./watcher.ts";

/** A session that nobody serves. */
const quiet: Place = {
  sessionId: "session-quiet",
  beachId: "beach-quiet",
  hostReports: false,
  hostSpeaks: false,
};

/** Takes a lease, looks on for a while, and goes: the session is idle until the next one comes. */
export async function passBy(world: World): Promise<void> {
  const { timeline, random } = world;
  const link = world.network.link("passer-by");
  const watcher = new Watcher(world, link, {
    sessions: { kind: "named", ids: [quiet.sessionId] },
    reader: "onlooker",
    isSlow: false,
    onState: () => undefined,
    onGone: () => undefined,
  });
  for (;;) {
    watcher.start();
    await link.ask(quiet.sessionId, {
      kind: "Acquire",
      account: "passer-by",
      reason: "looking",
      ttlMs: 5_000,
      attach: attachOf(quiet, "https://nobody.beach"),
    });
    await timeline.sleep(random.pick([1_000, 25_000]));
    watcher.stop();
    await timeline.sleep(random.pick([5_000, 20_000, 60_000]));
  }
}
