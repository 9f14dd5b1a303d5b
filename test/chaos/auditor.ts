import type { DurationMs } from "../../src/core/time.ts";
import type { Place, World } from "../simulation/world.ts";

const everyMs: DurationMs = 200;

/** Keeps reading sessions here and there: whatever was shown to anybody has to be seen by it. */
export async function audit(world: World, places: readonly Place[]): Promise<void> {
  const { timeline, random, network } = world;
  const links = ["auditor a", "auditor b"].map((by) => network.link(by));
  for (;;) {
    await timeline.sleep(everyMs);
    const { sessionId } = random.pick(places);
    // A link that waits for an answer does not keep the others from being asked.
    void random.pick(links).ask(sessionId, { kind: "CheckHandshake", handshakeId: "any" });
  }
}
