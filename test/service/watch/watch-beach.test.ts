import { describe, expect, it } from "vitest";

import type { SessionId } from "../../../src/core/ids.ts";
import type { WatchMessage } from "../../../src/service/lease-service.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../../support/service/session-service.ts";
import { acquire, heldBack, named, watch, wholeBeach } from "../../support/service/watching.ts";

const beach = attach.beachId;

describe("a watch of a whole private beach", () => {
  it("shows its sessions and no others, those that join later included", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    await under.service.execute("other", { ...attach, beachId: "beach-2" });
    await using reader = watch(under.service, wholeBeach(beach, []));
    expect(await reader.untilBookmark()).toMatchObject([
      { kind: "state", session: { id: "s1" } },
      { kind: "bookmark" },
    ]);
    await under.service.execute("later-other", { ...attach, beachId: "beach-2" });
    await under.service.execute("later", attach);
    expect(await reader.next()).toMatchObject({ kind: "state", session: { id: "later" } });
  });

  it("SessionGone: says that a session went, and shows it when it comes back", async () => {
    await using under = await serviceUnderTest();
    for (const id of ["stays", "goes"]) await under.service.execute(id, attach);
    await using reader = watch(under.service, wholeBeach(beach, []));
    await reader.untilBookmark();
    await under.service.execute("goes", { kind: "Detach", reason: "over" });
    expect(shortly(await reader.next())).toBe("goes gone: over");
    await under.service.execute("goes", attach);
    expect(shortly(await reader.next())).toBe("goes");
  });

  it("Resumable: sends what differs from what the reader knows, and nothing else", async () => {
    await using under = await serviceUnderTest();
    for (const id of ["same", "moved", "new"]) await under.service.execute(id, attach);
    const known = await versionsOf(under, "same", "moved");
    await acquire(under, "moved", "tile");
    await using reader = watch(under.service, wholeBeach(beach, known));
    const received = await reader.untilBookmark();
    expect(received.map(shortly)).toEqual(["moved", "new", "bookmark"]);
  });

  it("Resumable: says that a session went while the reader was away", async () => {
    await using under = await serviceUnderTest();
    for (const id of ["stays", "goes"]) await under.service.execute(id, attach);
    const known = await versionsOf(under, "stays", "goes");
    await under.service.execute("goes", { kind: "Detach", reason: "over" });
    await under.service.execute("elsewhere", { ...attach, beachId: "beach-2" });
    const lost: [SessionId, number][] = [
      ["never-was", 7],
      ["elsewhere", 7],
    ];
    await using reader = watch(under.service, wholeBeach(beach, [...known, ...lost]));
    const received = await reader.untilBookmark();
    expect(received.map(shortly)).toEqual([
      "goes gone: over",
      "never-was gone: unknown",
      "elsewhere gone: unknown",
      "bookmark",
    ]);
    await under.service.execute("goes", attach);
    expect(shortly(await reader.next())).toBe("goes");
  });

  it("Current: is right in the end about more sessions than a page, whatever happens while they are read", async () => {
    const store = heldBack(memoryStore());
    const opened = serviceUnderTest({ store });
    await store.letGo();
    await using under = await opened;
    const { service } = under;
    for (let index = 0; index < 1_200; index++) await service.execute(idOf(index), attach);
    await using reader = watch(service, wholeBeach(beach, []));
    const reading = reader.untilBookmark();
    for (let page = 0; ; page++) {
      await service.execute(`${idOf(100)}-joined-${page}`, attach);
      await service.execute(`${idOf(1_100)}-joined-${page}`, attach);
      for (const index of [0, 600, 1_150]) await acquire(under, idOf(index), `tile-${page}`);
      await service.execute(idOf(200 + page), { kind: "Detach", reason: "over" });
      await service.execute(idOf(900 + page), { kind: "Detach", reason: "over" });
      if (!(await store.letGo())) break;
    }
    const received = await reading;
    expect(received.filter(({ kind }) => kind === "bookmark")).toHaveLength(1);
    const shown = lastWords(received);
    for (const message of await untilQuiet(reader, under)) shown.set(...lastWord(message));
    expect(risingOnly(received)).toBe(true);
    const there = await everySession(under);
    expect(there).toContain(`${idOf(100)}-joined-1`);
    for (const id of there) expect([id, shown.get(id)]).toEqual([id, await versionOf(under, id)]);
    for (const [id, last] of shown)
      expect([id, last === "gone"]).toEqual([id, !there.includes(id)]);
  });

  it("Ordered: a page that was read before a change and arrives after it is not sent", async () => {
    const store = heldBack(memoryStore());
    const opened = serviceUnderTest({ store });
    await store.letGo();
    await using under = await opened;
    await under.service.execute("s1", attach);
    await under.service.execute("s2", attach);
    await using reader = watch(under.service, wholeBeach(beach, []));
    const reading = reader.untilBookmark();
    await acquire(under, "s1", "tile");
    await under.service.execute("s2", { kind: "Detach", reason: "over" });
    await store.letGo();
    expect((await reading).map(shortly)).toEqual(["s1", "s2 gone: over", "bookmark"]);
  });
});

describe("a watch of named sessions", () => {
  it("Resumable: does not mind known versions of sessions that it does not ask for", async () => {
    await using under = await serviceUnderTest();
    for (const id of ["asked", "not-asked"]) await under.service.execute(id, attach);
    const known = await versionsOf(under, "asked", "not-asked");
    const selection = { ...named("asked", "unheard-of"), knownVersions: new Map(known) };
    await using reader = watch(under.service, selection);
    expect((await reader.untilBookmark()).map(shortly)).toEqual([
      "unheard-of gone: unknown",
      "bookmark",
    ]);
    await acquire(under, "not-asked", "tile");
    await acquire(under, "asked", "tile");
    expect(shortly(await reader.next())).toBe("asked");
  });

  it("SessionGone: says of a session that went before the watch began why it went", async () => {
    await using under = await serviceUnderTest({ policy: { sessionIdleMs: 60_000 } });
    for (const id of ["detached", "idle"]) await under.service.execute(id, attach);
    const known = await versionsOf(under, "detached", "idle");
    await under.service.execute("detached", { kind: "Detach", reason: "over" });
    await under.clock.advance(60_000);
    const selection = { ...named("detached", "idle", "never"), knownVersions: new Map(known) };
    await using reader = watch(under.service, selection);
    expect((await reader.untilBookmark()).map(shortly)).toEqual([
      "detached gone: over",
      "idle gone: idle",
      "never gone: unknown",
      "bookmark",
    ]);
  });

  it("Bounded: a session that goes and comes back between two looks is one state, and counted", async () => {
    await using under = await serviceUnderTest();
    await under.service.execute("s1", attach);
    await using reader = watch(under.service, named("s1", "s2"));
    await reader.untilBookmark();
    await acquire(under, "s1", "tile");
    await under.service.execute("s1", { kind: "Detach", reason: "over" });
    await under.service.execute("s1", attach);
    await under.service.execute("s2", attach);
    await under.service.execute("s2", { kind: "Detach", reason: "over" });
    const version = await versionOf(under, "s1");
    expect(await reader.next()).toMatchObject({ session: { id: "s1", version }, coalesced: 2 });
    expect(await reader.next()).toMatchObject({ kind: "gone", sessionId: "s2", coalesced: 1 });
    await acquire(under, "s1", "tile");
    expect(await reader.next()).toMatchObject({ session: { id: "s1" }, coalesced: 0 });
  });
});

function idOf(index: number): SessionId {
  return `session-${String(index).padStart(4, "0")}`;
}

function shortly(message: WatchMessage): string {
  if (message.kind === "state") return message.session.id;
  return message.kind === "gone" ? `${message.sessionId} gone: ${message.reason}` : message.kind;
}

function lastWord(message: WatchMessage): [SessionId, number | "gone"] {
  if (message.kind === "state") return [message.session.id, message.session.version];
  return [message.kind === "gone" ? message.sessionId : "", "gone"];
}

function lastWords(received: readonly WatchMessage[]): Map<SessionId, number | "gone"> {
  return new Map(received.slice(0, -1).map(lastWord));
}

/** Reads until nothing more comes. */
async function untilQuiet(
  reader: ReturnType<typeof watch>,
  under: ServiceUnderTest,
): Promise<readonly WatchMessage[]> {
  const more = reader.untilBookmark();
  await under.clock.advance(14_000);
  return (await more).slice(0, -1);
}

function risingOnly(received: readonly WatchMessage[]): boolean {
  const newest = new Map<SessionId, number>();
  return received.every((message) => {
    if (message.kind !== "state") return true;
    const { id, version } = message.session;
    const rises = version > (newest.get(id) ?? -1);
    newest.set(id, version);
    return rises;
  });
}

async function everySession({ store }: ServiceUnderTest): Promise<readonly SessionId[]> {
  const all: SessionId[] = [];
  for (let index = 0; ; index++) {
    const found = await store.load(idOf(index));
    if (found === undefined) break;
    for (const id of [idOf(index), ...joined(idOf(index))]) {
      if ((await store.load(id))?.kind === "attached") all.push(id);
    }
  }
  return all;
}

function joined(id: SessionId): readonly SessionId[] {
  return Array.from({ length: 20 }, (_, page) => `${id}-joined-${page}`);
}

async function versionOf({ store }: ServiceUnderTest, id: SessionId): Promise<number> {
  return (await store.load(id))?.version ?? -1;
}

async function versionsOf(
  under: ServiceUnderTest,
  ...ids: SessionId[]
): Promise<[SessionId, number][]> {
  return Promise.all(ids.map(async (id) => [id, await versionOf(under, id)]));
}
