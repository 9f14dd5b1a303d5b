import type { DurationMs } from "../../../src/core/time.ts";
import type { Place, World } from "../../simulation/world.ts";

const lookEveryMs: DurationMs = 300;
const againMs: DurationMs = 700;

/**
 * Takes a lease that is as short as can be, renews it never, and keeps looking when it is over:
 * wherever trouble begins, some lease is about to end.
 */
export async function stayAsGuest(
  world: World,
  { sessionId }: Place,
  reason: string,
): Promise<void> {
  const { timeline, network, policy } = world;
  const link = network.link(`guest of ${sessionId}`);
  const ttlMs = policy.leaseTtlMsMin;
  for (;;) {
    const acquire = { kind: "Acquire", account: "guest", reason, ttlMs } as const;
    const answer = await link.ask(sessionId, { ...acquire, attach: undefined });
    const token = answer?.kind === "done" ? answer.lease?.token : undefined;
    let isLive = token !== undefined;
    while (token !== undefined && isLive) {
      await timeline.sleep(lookEveryMs);
      const seen = await link.ask(sessionId, { kind: "CheckLease", token });
      isLive = seen?.kind !== "refused" || seen.refusal.reason === "STORE_UNAVAILABLE";
    }
    await timeline.sleep(againMs);
  }
}
