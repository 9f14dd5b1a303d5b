// A tile from before: posts to the old route on a fixed timer, and reads lease_expires_at_ms alone.

import { parentLine, serveParent } from "../beach/child.ts";
import type { OldTileEvent } from "../beach/messages.ts";

const line = parentLine<OldTileEvent>();
const [url, passcode, everyMs] = process.argv.slice(2);

async function post(): Promise<void> {
  const answer = await fetch(String(url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ passcode }),
  });
  if (!answer.ok) return;
  const { lease_expires_at_ms: leaseExpiresAtMs } = (await answer.json()) as {
    lease_expires_at_ms: number;
  };
  line.emit({ kind: "renewed", leaseExpiresAtMs });
}

const timer = setInterval(() => void post().catch(() => undefined), Number(everyMs));
serveParent<never>(
  () => undefined,
  async () => clearInterval(timer),
);
await post().catch(() => undefined);
