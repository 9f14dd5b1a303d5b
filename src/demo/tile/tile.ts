import { createHash } from "node:crypto";

import { createLeaseClient, type TileLeaseEvent } from "../../client/index.ts";
import { createNodeTransport } from "../../client/node.ts";
import { parentLine, readConfig, serveParent } from "../beach/child.ts";
import type { TileConfig, TileEvent } from "../beach/messages.ts";

// A tile: holds a controller lease through the public door, as a page does.

const config = readConfig<TileConfig>();
const line = parentLine<TileEvent>();
const { sessionId, reason, httpUrl, renewEveryMs } = config;
const transport = createNodeTransport({ baseUrl: httpUrl, protocol: "connect" });
const client = createLeaseClient({ transport });
const tile = client.hold({ sessionId, reason, passcode: "beach" });
tile.subscribe(tell);
const timer =
  renewEveryMs === undefined ? undefined : setInterval(() => tile.retry(), renewEveryMs);

function tell(event: TileLeaseEvent): void {
  switch (event.kind) {
    case "acquired":
    case "renewed": {
      const { lease, outcome, joined } = event;
      line.emit({
        kind: "renewed",
        sessionId,
        outcome,
        joined,
        generation: Number(tile.transport?.generation ?? 0n),
        epoch: String(lease.epoch),
        tokenDigest: createHash("sha256").update(lease.controllerToken).digest("base64url"),
      });
      break;
    }
    case "failed":
      line.emit({ kind: "refused", sessionId, reason: event.failure.reason });
      break;
    case "refused":
      line.emit({ kind: "refused", sessionId, reason: event.refusal.reason });
      break;
    case "lost":
    case "released":
    case "transport":
  }
}

serveParent<never>(
  () => undefined,
  async () => {
    clearInterval(timer);
    await client[Symbol.asyncDispose]();
    transport.close();
  },
);
line.emit({ kind: "ready" });
