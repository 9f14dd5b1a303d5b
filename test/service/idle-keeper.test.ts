import { describe, expect, it } from "vitest";

import type { WatchSelection } from "../../src/service/lease-service.ts";
import type { SessionChange, SessionStore } from "../../src/service/session-store.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { manualClock, settle } from "../support/service/manual-clock.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../support/service/session-service.ts";
import { acquire, named, wholeBeach } from "../support/service/watching.ts";

/** A session goes idle after this long here, and the rounds of notes are this far apart. */
const idleMs = 240_000;
const roundMs = 10_000;
const policy = { sessionIdleMs: idleMs };

/** Shortly before the sessions would go idle, were they not watched. */
const almost = idleMs - 5_000;

const selections = [
  ["it alone", named("s1")],
  ["its private beach", wholeBeach("beach-1", [])],
] as const;

describe.each(selections)("a session whose last watcher, of %s, leaves", (_, selection) => {
  it("goes idle that long after that, and no sooner", async () => {
    await using under = await serviceUnderTest({ policy });
    await under.service.execute("s1", attach);
    await using watcher = await watching(under, selection);
    await under.clock.advance(almost);
    watcher.leave();
    await under.clock.advance(idleMs - 1);
    expect(await kindOf(under, "s1")).toBe("attached");
    await under.clock.advance(2_000);
    expect(await kindOf(under, "s1")).toBe("detached");
  });

  it("in the very moment in which it would have gone idle, does not", async () => {
    await using under = await serviceUnderTest({ policy });
    await under.service.execute("s1", attach);
    await under.clock.advance(idleMs - 1);
    await using watcher = await watching(under, selection);
    watcher.leave();
    await under.clock.advance(idleMs);
    expect(await kindOf(under, "s1")).toBe("attached");
  });

  it("is remembered as used by a service that takes over later", async () => {
    const [store, clock] = [memoryStore(), manualClock()];
    {
      await using before = await serviceUnderTest({ store, clock, policy });
      await before.service.execute("s1", attach);
      await using watcher = await watching(before, selection);
      await clock.advance(almost);
      watcher.leave();
      await clock.advance(1_000);
    }
    await using under = await serviceUnderTest({ store, clock, policy });
    await clock.advance(almost);
    expect(await kindOf(under, "s1")).toBe("attached");
  });

  it("together with the service, loses a round at the most", async () => {
    const store = memoryStore();
    // Killed: no more than what it has put on record counts.
    const killed = await serviceUnderTest({ store, policy });
    await killed.service.execute("s1", attach);
    await watching(killed, selection);
    await killed.clock.advance(almost);
    const clock = manualClock(killed.clock.now());
    await using under = await serviceUnderTest({ store, clock, policy });
    await clock.advance(idleMs - roundMs - 1_000);
    expect(await kindOf(under, "s1")).toBe("attached");
    await clock.advance(roundMs);
    expect(await kindOf(under, "s1")).toBe("detached");
  });
});

describe("noting that sessions were watched", () => {
  it("costs one change behind, however many streams of a session close", async () => {
    const { store, changes } = overheard(memoryStore());
    await using under = await serviceUnderTest({ store, policy });
    await under.service.execute("s1", attach);
    const watchers = await Promise.all(
      Array.from({ length: 100 }, () => watching(under, named("s1"))),
    );
    await under.clock.advance(5_000);
    changes.length = 0;
    for (const watcher of watchers) watcher.leave();
    await under.clock.advance(10_000);
    expect(changes).toMatchObject([{ id: "s1", durability: "behind" }]);
  });

  it("costs nothing while another watcher stays, or a lease is live", async () => {
    const { store, changes } = overheard(memoryStore());
    await using under = await serviceUnderTest({ store, policy });
    await under.service.execute("s1", attach);
    await under.service.execute("s2", attach);
    await acquire(under, "s2", "tile");
    await using _staying = await watching(under, named("s1"));
    const leaving = await watching(under, named("s1", "s2"));
    await under.clock.advance(10_000);
    changes.length = 0;
    leaving.leave();
    await under.clock.advance(2_000);
    expect(changes).toEqual([]);
  });

  it("is not held up by one session that meets a bug", async () => {
    const { store } = overheard(memoryStore(), "s1");
    await using under = await serviceUnderTest({ store, policy });
    await under.service.execute("s1", attach);
    await under.service.execute("s2", attach);
    const leaving = await watching(under, named("s1", "s2"));
    await under.clock.advance(5_000);
    leaving.leave();
    await under.clock.advance(2_000);
    expect(under.seen.filter(({ kind }) => kind === "failed")).toMatchObject([
      { where: "watched sessions", sessionId: "s1" },
    ]);
    await under.clock.advance(idleMs - 10_000);
    expect(await kindOf(under, "s2")).toBe("attached");
  });
});

interface Watcher extends AsyncDisposable {
  leave(): void;
}

/** Reads everything as it comes, until it leaves. */
async function watching(
  { service }: ServiceUnderTest,
  selection: WatchSelection,
): Promise<Watcher> {
  const stop = new AbortController();
  const stream = service.watch(selection, stop.signal);
  const reading = (async () => {
    for await (const _ of stream);
  })();
  await settle();
  return {
    leave: () => stop.abort(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
    },
  };
}

async function kindOf({ store }: ServiceUnderTest, id: string): Promise<string | undefined> {
  return (await store.load(id))?.kind;
}

/** The store, with the changes that it was given; it takes no second one of the session `bad`. */
function overheard(
  inner: SessionStore,
  bad?: string,
): { readonly store: SessionStore; readonly changes: SessionChange[] } {
  const changes: SessionChange[] = [];
  const commit: SessionStore["commit"] = (change) => {
    if (change.id === bad && change.previous !== undefined) throw new Error("a bug of the store");
    changes.push(change);
    return inner.commit(change);
  };
  const store = new Proxy(inner, {
    get(target, name) {
      if (name === "commit") return commit;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { store, changes };
}
