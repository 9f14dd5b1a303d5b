import { expect, it } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import type { SessionRecord } from "../../../src/core/session.ts";
import type { WatchMessage, WatchSelection } from "../../../src/service/lease-service.ts";
import type { SessionStore } from "../../../src/service/session-store.ts";
import { WatchHub } from "../../../src/service/watch/watch-hub.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { manualClock, settle } from "../../support/service/manual-clock.ts";
import { sequentialIds } from "../../support/service/sequential-ids.ts";
import { attach, serviceUnderTest } from "../../support/service/session-service.ts";
import { acquire, named, wholeBeach } from "../../support/service/watching.ts";
import { storeFolder } from "../../support/store/store-files.ts";
import { busySession, insertion } from "../../support/store/store-records.ts";
import { openSink, type TestSink } from "./watch-sink.ts";

const many = 1_000;
/** A write takes ten to twenty microseconds. Between two looks the hub may have had two turns. */
const writesPerTurnMax = 300;

it("Bounded: one change of a session with many readers is delivered in turns, to all of them", async () => {
  await using under = await serviceUnderTest();
  await under.service.execute("s1", attach);
  const sinks = await openMany(() => openSink(under.service, wholeBeach(attach.beachId, [])));
  await acquire(under, "s1", "tile");
  const written = (): number => sinks.filter(({ last }) => liveLeases(last) === 1).length;
  const perTurn: number[] = [];
  for (let before = 0; before < many; before = written()) {
    perTurn.push(written() - before);
    if (perTurn.length > many) throw new Error("some readers are not told");
    await nextTurn();
    perTurn.push(written() - before);
  }
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(writesPerTurnMax);
  for (const sink of sinks) sink.leave();
});

it("Current, Ordered: what changes during a delivery reaches each reader, merged and counted", async () => {
  await using under = await serviceUnderTest();
  await under.service.execute("s1", attach);
  const sinks = await openMany(() => openSink(under.service, named("s1")));
  const changes = 41;
  for (let round = 1; round < changes; round++) await acquire(under, "s1", `tile-${round}`);
  await settle();
  await acquire(under, "s1", "last");
  for (let turn = 0; turn < 20; turn++) await settle();
  const newest = await versionOf(under.service.find("s1"));
  for (const { messages } of sinks) {
    const states = messages.flatMap((message) => (message.kind === "state" ? [message] : []));
    const versions = states.map(({ session }) => session.version);
    expect(versions.at(-1)).toBe(newest);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    const stoodFor = states.slice(1).reduce((sum, { coalesced }) => sum + 1 + coalesced, 0);
    expect(stoodFor).toBe(changes);
  }
  for (const sink of sinks) sink.leave();
});

it("Bounded: snapshots of many readers with many names are read in turns", async () => {
  let loads = 0;
  const store = memoryStore();
  const load = store.load.bind(store);
  store.load = (id) => {
    loads += 1;
    return load(id);
  };
  const { hub } = hubOver(store);
  const sinks = Array.from({ length: 50 }, () => openSink(hub, named(...manyNames)));
  const perTurn: number[] = [];
  for (let turn = 0; turn < 2_000 && loads < 50_000; turn++) {
    const before = loads;
    await nextTurn();
    perTurn.push(loads - before);
  }
  expect(loads).toBe(50_000);
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(5_000);
  for (const sink of sinks) sink.leave();
});

it("Bounded: the sessions of a beach are read in turns, and each is decoded once for all readers", async () => {
  await using folder = await storeFolder();
  const sessions = 1_000;
  {
    await using store = await folder.open();
    const ids = Array.from({ length: sessions }, (_, index) => `s${index}`);
    await Promise.all(ids.map((id) => store.commit(insertion(busySession({ id })))));
  }
  await using store = await folder.open();
  const perTurn = [0];
  const list = store.list.bind(store);
  store.list = async (page) => {
    const records = await list(page);
    perTurn.push((perTurn.pop() ?? 0) + records.length);
    return records;
  };
  const { hub } = hubOver(store);
  const beach = wholeBeach(busySession().beachId, []);
  const sinks = Array.from({ length: 10 }, () => openSink(hub, beach));
  while (sinks.some(({ last }) => last?.kind !== "bookmark") && perTurn.length < 2_000) {
    await nextTurn();
    perTurn.push(0);
  }
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(1_000);
  const states = sinks.flatMap(({ messages }) => messages.filter(isState));
  expect(states).toHaveLength(10 * sessions);
  expect(new Set(states.map(({ session }) => session)).size).toBe(sessions);
  for (const sink of sinks) sink.leave();
});

it("Bounded: many readers with many names that leave at once are let go in turns, and whole", async () => {
  const { hub, budgets } = hubOver(memoryStore());
  const sinks = Array.from({ length: 50 }, () => openSink(hub, named(...manyNames)));
  const used = (): number => budgets.figures("watched_names").used;
  for (const sink of sinks) sink.leave();
  expect(hub.readers.size).toBe(0);
  expect(used()).toBeGreaterThan(40_000);
  for (let turn = 0; turn < 200; turn++) await nextTurn();
  expect(used()).toBe(0);
  expect(hub.readers.bySession.size).toBe(0);
  // Nobody has to note until when a session was watched that nobody knows.
  expect(hub.readers.bySession.takeLeft()).toEqual(new Set());
});

it("Bounded: the names of all readers are looked through in turns when changes were missed", async () => {
  const { hub } = hubOver(memoryStore());
  const sinks = Array.from({ length: 50 }, () => openSink(hub, named(...manyNames)));
  for (let turn = 0; turn < 200; turn++) await nextTurn();
  let looks = 0;
  hub.missed((id) => {
    looks += 1;
    return id === "s999";
  });
  expect(looks).toBeLessThan(5_000);
  await expect.poll(() => looks, { timeout: 10_000 }).toBe(50_000);
  for (const sink of sinks) sink.leave();
});

it("Bounded: all names that are watched are gone through once, and each look at one counts", async () => {
  const { hub } = hubOver(memoryStore());
  const sinks = Array.from({ length: 3 }, () => openSink(hub, named(...manyNames)));
  sinks.push(...["b1", "b2", "b1"].map((id) => openSink(hub, wholeBeach(id, []))));
  const looks = [...hub.readers.sessions()];
  expect(looks).toHaveLength(3_000);
  expect(looks.filter((id) => id !== undefined)).toEqual(manyNames);
  expect([...hub.readers.beaches()]).toEqual(["b1", "b2"]);
  for (const sink of sinks) sink.leave();
});

it("Bounded: what hosts that leave at once watched is let go in turns, and counts no more", async () => {
  const { hub } = hubOver(memoryStore());
  const hosts: WatchSelection = { ...named(...manyNames), reader: "host" };
  const sinks = Array.from({ length: 50 }, () => openSink(hub, hosts));
  expect(hub.hostWatches("s1")).toBe(true);
  for (const sink of sinks) sink.leave();
  expect(hub.hostWatches("s1")).toBe(false);
  expect(hub.readers.hosts.size).toBeGreaterThan(500);
  await expect.poll(() => hub.readers.hosts.size, { timeout: 10_000 }).toBe(0);
});

it("Bounded: watches with many names are opened in turns", async () => {
  const { hub } = hubOver(memoryStore());
  let opened = 0;
  const all = Array.from({ length: 20 }, async () => {
    await hub.turnFor(1_000, undefined);
    opened += 1;
  });
  for (let tick = 0; tick < 10; tick++) await Promise.resolve();
  expect(opened).toBeLessThanOrEqual(2);
  await Promise.all(all);
});

const manyNames = Array.from({ length: 1_000 }, (_, index) => `s${index}`);

function hubOver(store: SessionStore): { readonly hub: WatchHub; readonly budgets: Budgets } {
  const budgets = new Budgets();
  const hub = new WatchHub({
    store,
    clock: manualClock(),
    ids: sequentialIds(),
    budgets,
    observe: () => undefined,
    passTime: async () => ({ kind: "accepted" }),
  });
  return { hub, budgets };
}

async function openMany(open: () => TestSink): Promise<readonly TestSink[]> {
  const sinks = Array.from({ length: many }, open);
  for (let turn = 0; turn < 200; turn++) {
    await settle();
    if (sinks.every(({ last }) => last?.kind === "bookmark")) return sinks;
  }
  throw new Error("some streams do not begin");
}

function isState(message: WatchMessage): message is Extract<WatchMessage, { kind: "state" }> {
  return message.kind === "state";
}

function liveLeases(message: WatchMessage | undefined): number | undefined {
  return message?.kind === "state" ? message.session.leases.live.length : undefined;
}

async function versionOf(
  found: SessionRecord | undefined | Promise<SessionRecord | undefined>,
): Promise<number> {
  return (await found)?.version ?? 0;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
