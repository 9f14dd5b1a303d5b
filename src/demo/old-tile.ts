// A tile from before: posts to the old route on a fixed timer, and reads lease_expires_at_ms alone.

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
  if (process.connected) process.send?.({ event: { kind: "renewed", leaseExpiresAtMs } });
}

const timer = setInterval(() => void post().catch(() => undefined), Number(everyMs));
await post().catch(() => undefined);
process.on("disconnect", () => clearInterval(timer));
process.on("SIGINT", () => undefined);
