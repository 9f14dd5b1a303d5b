import { expect, test } from "vitest";

import { startBeach } from "../../src/demo/beach/beach.ts";
import type { ManagerEvent } from "../../src/demo/beach/messages.ts";
import { startFakeRoad } from "../../src/demo/road/fake-road.ts";
import { doorsOf } from "../support/process/beach-under-test.ts";
import { spawnService } from "../support/process/run-service.ts";

const sessionId = "old-host";

test("an old host recovers beside a tile that relays nothing", async () => {
  await using road = await startFakeRoad();
  // The passcode of the old tile.
  road.register(sessionId, "beach");
  await using service = await spawnService({ LEASE_ROAD_URL: road.url });
  await using beach = await startBeach({
    ...doorsOf(service),
    hosts: [],
    oldHosts: [{ roadUrl: road.url, sessionId }],
  });
  beach.startOldTile(sessionId, 1_000);

  const overFastPath = (event: ManagerEvent): event is Carrier =>
    event.kind === "carrier" && event.over !== "http";
  const first = await beach.manager.when(overFastPath);
  const from = beach.manager.events.length;
  await beach.manager.ask({ kind: "kill", sessionId, death: "close" });
  // The tile's next call starts a handshake, of which the host hears through Road alone.
  const second = await beach.manager.when(overFastPath, { from });
  expect(second.over).not.toBe(first.over);
  const ids = road.queueOf(sessionId).map(({ control_id }) => control_id);
  expect(ids).toEqual([first.over, second.over]);

  const applied = beach.oldHosts[0]?.events.length ?? 0;
  await beach.oldHosts[0]?.when((event) => event.kind === "applied", { from: applied });
}, 60_000);

type Carrier = Extract<ManagerEvent, { kind: "carrier" }>;
