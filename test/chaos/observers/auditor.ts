import type { DurationMs } from "../../../src/core/time.ts";
import { Watcher } from "../../simulation/clients/watcher.ts";
import type { Place, World } from "../../simulation/world.ts";
import type { RealLink } from "../clients/real-network.ts";

const everyMs: DurationMs = 200;

/**
 * Keeps reading sessions at every replica: whatever was shown to anybody has to be seen by them all.
 *
 * @param links to each replica one, that leads to no other
 */
export async function audit(
  world: World,
  places: readonly Place[],
  links: readonly RealLink[],
): Promise<void> {
  const { timeline, random } = world;
  for (const link of links) lookOn(world, places, link);
  for (;;) {
    await timeline.sleep(everyMs);
    const { sessionId } = random.pick(places);
    for (const link of links) {
      // A replica that does not answer does not keep the others from being asked.
      void link.ask(sessionId, { kind: "CheckHandshake", handshakeId: "any" });
    }
  }
}

/** Watches all sessions at one replica, for as long as it serves and whenever it does. */
function lookOn(world: World, places: readonly Place[], link: RealLink): void {
  new Watcher(world, link, {
    sessions: { kind: "named", ids: places.map(({ sessionId }) => sessionId) },
    reader: "onlooker",
    isSlow: false,
    onState: () => undefined,
    onGone: () => undefined,
  }).start();
}
