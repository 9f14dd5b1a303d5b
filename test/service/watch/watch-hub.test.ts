import { describe, expect, it } from "vitest";

import { settle } from "../../support/service/manual-clock.ts";
import { attach, serviceUnderTest } from "../../support/service/session-service.ts";
import { acquire, named, watch } from "../../support/service/watching.ts";

describe("WatchTransport", () => {
  it("Prompt: sends the state at once, then a bookmark", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    await using reader = watch(under.service, named("s1"));
    expect(await reader.next()).toMatchObject({ kind: "state", session: { id: "s1" } });
    expect(await reader.next()).toMatchObject({ kind: "bookmark", repeatsEveryMs: 15_000 });
  });

  it("Resumable: a reader that has everything gets a bookmark and no state", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    const version = (await under.store.load("s1"))?.version ?? 0;
    await using reader = watch(under.service, {
      ...named("s1"),
      knownVersions: new Map([["s1", version]]),
    });
    expect(await reader.next()).toMatchObject({ kind: "bookmark" });
  });

  it("Ordered: a version that the reader knows from a lost store is answered by the truth", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    await using reader = watch(under.service, {
      ...named("s1"),
      knownVersions: new Map([["s1", Number.MAX_SAFE_INTEGER]]),
    });
    expect(await reader.next()).toMatchObject({ kind: "state", session: { id: "s1" } });
  });

  it("Current: every change reaches the reader, a renewal none", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    await using reader = watch(under.service, named("s1"));
    await reader.next();
    await reader.next();
    await acquire(under, "s1", "tile");
    expect(await reader.next()).toMatchObject({
      session: {
        leases: { live: [{ reason: "tile" }] },
        transport: { path: { kind: "negotiating" } },
      },
    });
    await acquire(under, "s1", "tile");
    await under.clock.advance(15_000);
    expect(await reader.next()).toMatchObject({
      kind: "state",
      session: { lastChange: { change: "negotiation_abandoned" } },
    });
  });

  it("Bounded: a slow reader gets the newest state and the number of merged ones", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    await using reader = watch(under.service, named("s1"));
    await reader.next();
    await reader.next();
    for (const reason of ["a", "b", "c", "d"]) await acquire(under, "s1", reason);
    const message = await reader.next();
    expect(message).toMatchObject({ kind: "state", coalesced: 3 });
    expect(message.kind === "state" && message.session.leases.live).toHaveLength(4);
  });

  it("SessionGone: says that a session is unknown, and sends its state when it is attached", async () => {
    await using under = await serviceUnderTest();
    await using reader = watch(under.service, named("s1"));
    expect(await reader.next()).toMatchObject({ kind: "gone", sessionId: "s1", reason: "unknown" });
    expect(await reader.next()).toMatchObject({ kind: "bookmark" });
    await under.service.execute("s1", attach);
    expect(await reader.next()).toMatchObject({ kind: "state", session: { id: "s1" } });
  });

  it("SessionGone: says that a session is gone when it is detached, and when it comes back", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    await using reader = watch(under.service, named("s1"));
    await reader.next();
    await reader.next();
    await under.service.execute("s1", { kind: "Detach", reason: "over" });
    expect(await reader.next()).toMatchObject({ kind: "gone", reason: "over" });
    await under.service.execute("s1", attach);
    expect(await reader.next()).toMatchObject({ kind: "state" });
  });

  it("forgets a reader whose signal aborts while it is not reading", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    const reader = watch(under.service, { ...named("s1"), reader: "host" });
    await reader.next();
    expect(under.service.hostWatches("s1")).toBe(true);
    reader.abort();
    await settle();
    expect(under.service.hostWatches("s1")).toBe(false);
    await reader[Symbol.asyncDispose]();
  });
});
