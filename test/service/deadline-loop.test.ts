import { describe, expect, it } from "vitest";
import { nextDeadline } from "../../src/core/deadlines/deadline.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import type { EpochMs } from "../../src/core/time.ts";
import { breakSession, mendSession } from "../support/service/broken-session.ts";
import { acquireCommand } from "../support/service/commands.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../support/service/session-service.ts";

/** The ttl of every lease here: when it ends, the deadline loop has something to do. */
const ttlMs = 30_000;

describe("a session that meets a bug at its deadline", () => {
  it("delays no other one, not even when such sessions fill a batch", async () => {
    await using under = await serviceUnderTest();
    const bad = Array.from({ length: 600 }, (_, index) => `bad-${index}`);
    for (const id of bad) await leased(under, id);
    await under.clock.advance(1);
    await leased(under, "good");
    const due = under.clock.now() - 1 + ttlMs;
    for (const id of bad) await breakSession(under.store, id, due);
    await under.clock.advance(ttlMs - 1);
    expect(endedIn(under)).toEqual([]);
    await under.clock.advance(1);
    expect(endedIn(under)).toEqual([{ sessionId: "good", at: due + 1 }]);
  });

  it("is tried again after delays that grow, and observed each time by its name", async () => {
    await using under = await serviceUnderTest();
    await leased(under, "bad");
    const due = under.clock.now() + ttlMs;
    await breakSession(under.store, "bad", due);
    const tries: number[] = [];
    for (let second = 0; second <= 200; second += 1) {
      const before = troubles(under).length;
      await under.clock.advance(second === 0 ? ttlMs : 1_000);
      for (let more = before; more < troubles(under).length; more += 1) tries.push(second);
    }
    expect(tries).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
    expect(new Set(troubles(under).map(({ sessionId }) => sessionId))).toEqual(new Set(["bad"]));
  });

  it("is served as soon as it can be", async () => {
    await using under = await serviceUnderTest();
    await leased(under, "bad");
    const due = under.clock.now() + ttlMs;
    const whole = await breakSession(under.store, "bad", due);
    await under.clock.advance(ttlMs + 2_000);
    expect(endedIn(under)).toEqual([]);
    await mendSession(under.store, whole, nextDeadline(whole, defaultPolicy));
    await under.clock.advance(1_000);
    expect(endedIn(under)).toEqual([{ sessionId: "bad", at: due }]);
    const before = troubles(under).length;
    await under.clock.advance(60_000);
    expect(troubles(under)).toHaveLength(before);
  });
});

async function leased({ service }: ServiceUnderTest, id: string): Promise<void> {
  await service.execute(id, attach);
  await service.execute(id, { ...acquireCommand(service), ttlMs });
}

function endedIn({ seen }: ServiceUnderTest): { sessionId: string; at: EpochMs }[] {
  return seen.flatMap((event) =>
    event.kind === "happened" && event.event.kind === "LeaseEnded"
      ? [{ sessionId: event.sessionId, at: event.event.at }]
      : [],
  );
}

function troubles({ seen }: ServiceUnderTest) {
  return seen.filter((event) => event.kind === "failed");
}
