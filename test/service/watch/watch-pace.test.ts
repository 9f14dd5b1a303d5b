import { getEventListeners } from "node:events";

import { describe, expect, it } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import type { DurationMs } from "../../../src/core/time.ts";
import type { WatchMessage } from "../../../src/service/lease-service.ts";
import { ReaderStalled } from "../../../src/service/lease-service.ts";
import type { ServiceEvent } from "../../../src/service/service-events.ts";
import { WatchHub } from "../../../src/service/watch/watch-hub.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { type ManualClock, manualClock, settle } from "../../support/service/manual-clock.ts";
import { sequentialIds } from "../../support/service/sequential-ids.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../../support/service/session-service.ts";
import {
  acquire,
  heldBack,
  named,
  type Reader,
  watch,
  wholeBeach,
} from "../../support/service/watching.ts";

describe("a bookmark", () => {
  it.each([0, 0.5, 1])("comes at least as often as it says, with jitter %d", async (jitter) => {
    await using under = hubUnderTest(jitter);
    await using reader = watch(under.hub, named("s1"));
    const [, first] = await reader.untilBookmark();
    const repeatsEveryMs = first?.kind === "bookmark" ? first.repeatsEveryMs : 0;
    for (let round = 0; round < 5; round++) {
      const silentFor = await silence(under.clock, reader.next());
      expect(silentFor).toBeGreaterThan(repeatsEveryMs / 2);
      expect(silentFor).toBeLessThanOrEqual(repeatsEveryMs);
    }
  });

  it("waits for as long again after a state, and comes although states come", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    await using reader = watch(under.service, named("s1"));
    await reader.untilBookmark();
    const next = reader.next();
    await under.clock.advance(9_250);
    await acquire(under, "s1", "tile");
    expect(await next).toMatchObject({ kind: "state" });
    const after = reader.next();
    const silentFor = await silence(under.clock, after);
    expect(silentFor).toBeGreaterThan(9_000);
    expect(silentFor).toBeLessThanOrEqual(15_000);
    expect(await after).toMatchObject({ kind: "bookmark" });
  });

  it("is not sent before everything there was has been sent", async () => {
    const store = heldBack(memoryStore());
    const opened = serviceUnderTest({ store });
    await store.letGo();
    await using under = await opened;
    const twoPages = 101;
    for (let index = 0; index < twoPages; index++) {
      await under.service.execute(`s${index}`, attach);
    }
    await using reader = watch(under.service, wholeBeach(attach.beachId, []));
    const reading = reader.untilBookmark();
    for (let page = 0; page < 2; page++) {
      await under.clock.advance(40_000);
      await store.letGo();
    }
    expect(await reading).toHaveLength(twoPages + 1);
  });
});

describe("a drain", () => {
  it("is sent to every reader, and ends its stream", async () => {
    await using under = await serviceUnderTest();
    await using reader = watch(under.service, named("s1"));
    await reader.untilBookmark();
    under.service.drain();
    expect(await reader.next()).toMatchObject({ kind: "draining" });
    expect(await reader.isOver()).toBe(true);
  });

  it("is sent at once to a reader that joins in the middle of it", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    under.service.drain();
    await using reader = watch(under.service, named("s1"));
    expect(await reader.next()).toMatchObject({ kind: "draining" });
    expect(await reader.isOver()).toBe(true);
  });

  it("is sent to a slow reader before everything that waits for it", async () => {
    await using under = await serviceUnderTest();
    for (const id of ["s1", "s2", "s3"]) await under.service.execute(id, attach);
    await using reader = watch(under.service, wholeBeach(attach.beachId, []));
    expect(await reader.next()).toMatchObject({ kind: "state" });
    under.service.drain();
    expect(await reader.next()).toMatchObject({ kind: "draining" });
  });

  it("is told to many readers in turns", async () => {
    await using under = await serviceUnderTest();
    const readers = Array.from({ length: 60 }, (_, index) =>
      watch(under.service, named(`s${index}`)),
    );
    await Promise.all(readers.map((reader) => reader.untilBookmark()));
    let told = 0;
    const ends = readers.map(async (reader) => {
      expect(await reader.next()).toMatchObject({ kind: "draining" });
      told += 1;
    });
    // A turn in which nothing else is done, and all that its promises carry on.
    await new Promise(setImmediate);
    under.service.drain();
    for (let more = 0; more < 100; more += 1) await undefined;
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(readers.length);
    await Promise.all(ends);
    for (const reader of readers) await reader[Symbol.asyncDispose]();
  });

  it("spreads reconnections, between half a second and five seconds", async () => {
    const delays = await Promise.all([0, 0.25, 1].map(reconnectDelay));
    expect(delays).toEqual([500, 1_625, 5_000]);
  });
});

describe("a reader that takes nothing", () => {
  it("is ended after a minute, with the time to reconnect", async () => {
    await using under = hubUnderTest(0.5);
    await using reader = watch(under.hub, named("s1"));
    await reader.next();
    await under.clock.advance(59_000);
    expect(under.changes).toEqual(["opened"]);
    await under.clock.advance(1_000);
    expect(under.changes).toEqual(["opened", "stalled"]);
    const ended = await reader.next().catch((error: unknown) => error);
    expect(ended).toBeInstanceOf(ReaderStalled);
    expect(ended).toMatchObject({ retryAfterMs: 2_750 });
    expect(under.changes).toEqual(["opened", "stalled", "closed"]);
    expect(getEventListeners(reader.signal, "abort")).toEqual([]);
    await under.clock.advance(10_000);
    expect(reader.resets).toBe(0);
  });

  it("is reset once when it does not even take that, and costs nothing any more", async () => {
    await using under = hubUnderTest(0.5);
    const reader = watch(under.hub, { ...named("s1"), reader: "host" });
    await reader.next();
    await under.clock.advance(64_000);
    expect(reader.resets).toBe(0);
    expect(under.hub.hostWatches("s1")).toBe(true);
    await under.clock.advance(1_000);
    expect(reader.resets).toBe(1);
    expect(under.hub.hostWatches("s1")).toBe(false);
    expect(under.hub.readers.bySession.has("s1")).toBe(false);
    expect(under.changes).toEqual(["opened", "stalled", "closed"]);
    await under.clock.advance(120_000);
    expect(reader.resets).toBe(1);
    await reader[Symbol.asyncDispose]();
    expect(getEventListeners(reader.signal, "abort")).toEqual([]);
  });

  it("is not ended while it takes one message now and then", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    await using reader = watch(under.service, named("s1"));
    for (let round = 0; round < 10; round++) {
      await reader.next();
      await acquire(under, "s1", `tile-${round}`);
      await under.clock.advance(59_000);
    }
    expect(reader.resets).toBe(0);
  });

  it("is not ended for time in which the service itself stood still", async () => {
    await using under = hubUnderTest(0.5);
    await using reader = watch(under.hub, named("s1"));
    await reader.next();
    await under.clock.jump(600_000);
    expect(await reader.next()).toMatchObject({ kind: "bookmark" });
    expect(reader.resets).toBe(0);
  });

  it("Bounded: holds the newest state of each of its sessions, whatever happens meanwhile", async () => {
    await using under = await serviceUnderTest();
    for (const id of ["s1", "s2"]) await under.service.execute(id, attach);
    await using reader = watch(under.service, named("s1", "s2"));
    await reader.untilBookmark();
    for (let round = 0; round < 50; round++) await acquire(under, "s1", `tile-${round}`);
    await acquire(under, "s2", "tile");
    expect(await reader.next()).toMatchObject({ session: { id: "s1" }, coalesced: 49 });
    expect(await reader.next()).toMatchObject({ session: { id: "s2" }, coalesced: 0 });
    const next = reader.next();
    expect(await isQuiet(under, next)).toBe(true);
  });
});

describe("a reader that vanishes", () => {
  it.each(["while it waits", "while it holds a message"])("%s leaves nothing", async (when) => {
    await using under = hubUnderTest(0.5);
    const reader = watch(under.hub, named("s1", "s2"));
    await reader.next();
    let waiting: Promise<unknown> = Promise.resolve();
    if (when === "while it waits") {
      await reader.untilBookmark();
      waiting = reader.isOver();
      await settle();
    }
    reader.abort();
    await waiting;
    await settle();
    expect(under.changes).toEqual(["opened", "closed"]);
    for (const id of ["s1", "s2"]) expect(under.hub.readers.bySession.has(id)).toBe(false);
    expect(getEventListeners(reader.signal, "abort")).toEqual([]);
    await reader[Symbol.asyncDispose]();
    expect(under.changes).toEqual(["opened", "closed"]);
  });
});

interface HubUnderTest extends AsyncDisposable {
  readonly hub: WatchHub;
  readonly clock: ManualClock;
  readonly changes: readonly string[];
}

/** A hub at work on an empty store, in which chance always comes out the same. */
function hubUnderTest(jitter: number): HubUnderTest {
  const clock = manualClock();
  const changes: string[] = [];
  const observe = (event: ServiceEvent): void => {
    if (event.kind === "watch") changes.push(event.change);
  };
  const ids = { ...sequentialIds(), jitter: () => jitter };
  const hub = new WatchHub({
    store: memoryStore(),
    clock,
    ids,
    observe,
    budgets: new Budgets(),
    passTime: async () => ({ kind: "accepted" }),
  });
  const stop = new AbortController();
  const running = hub.run(stop.signal);
  return {
    hub,
    clock,
    changes,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** How long it takes until the message comes; a minute is for ever. */
async function silence(clock: ManualClock, next: Promise<WatchMessage>): Promise<DurationMs> {
  let isOver = false;
  void next.then(() => {
    isOver = true;
  });
  for (let passed = 0; passed <= 60_000; passed += 250) {
    await settle();
    if (isOver) return passed;
    await clock.advance(250);
  }
  throw new Error("nothing came for a minute");
}

async function isQuiet(
  { clock }: ServiceUnderTest,
  next: ReturnType<Reader["next"]>,
): Promise<boolean> {
  await clock.advance(15_000);
  return (await next).kind === "bookmark";
}

async function reconnectDelay(jitter: number): Promise<DurationMs> {
  await using under = hubUnderTest(jitter);
  await using reader = watch(under.hub, named("s1"));
  await reader.untilBookmark();
  under.hub.drain();
  const farewell = await reader.next();
  return farewell.kind === "draining" ? farewell.reconnectAfterMs : Number.NaN;
}
