import { describe, expect, it } from "vitest";

import type { SessionId } from "../../../src/core/ids.ts";
import type { WatchMessage, WatchSelection } from "../../../src/service/lease-service.ts";
import {
  attach,
  type ServiceUnderTest,
  serviceUnderTest,
} from "../../support/service/session-service.ts";
import { acquire, named, type Reader, watch, wholeBeach } from "../../support/service/watching.ts";

type Versions = ReadonlyMap<SessionId, number>;

/** What a reader asks for, and when the sessions that it is about become known. */
interface Scope {
  readonly scope: string;
  readonly ids: readonly SessionId[];
  readonly select: (known: Versions) => WatchSelection;
  /** The sessions are attached after the reader's bookmark. */
  readonly joinLater: boolean;
}

const one = ["s1"];
const many = Array.from({ length: 30 }, (_, index) => `s${index + 10}`);
const byName =
  (ids: readonly SessionId[]) =>
  (knownVersions: Versions): WatchSelection => ({ ...named(...ids), knownVersions });
const byBeach = (known: Versions): WatchSelection => wholeBeach(attach.beachId, known);

const scopes: readonly Scope[] = [
  { scope: "one session", ids: one, select: byName(one), joinLater: false },
  { scope: "many sessions", ids: many, select: byName(many), joinLater: false },
  { scope: "sessions not known yet", ids: many, select: byName(many), joinLater: true },
  { scope: "a whole private beach", ids: many, select: byBeach, joinLater: false },
  { scope: "sessions that join a beach later", ids: many, select: byBeach, joinLater: true },
];

describe.each(scopes)("a watch of $scope", (scope) => {
  const { ids } = scope;

  it("Prompt: shows every state at once, then says that there is no more", async () => {
    await using under = await serviceUnderTest();
    await using opened = await open(scope, under);
    const { reader, first } = opened;
    const states = await taken(reader, ids.length - statesIn(first).length);
    expect([...statesIn(first), ...states].map(idOf)).toEqual(ids);
    expect(first.at(-1)?.kind).toBe("bookmark");
    expect(under.clock.now()).toBe(opened.since);
  });

  it("Ordered: first the truth, whatever the reader knows, then only rising versions", async () => {
    await using under = await serviceUnderTest();
    const known = new Map(ids.map((id) => [id, Number.MAX_SAFE_INTEGER]));
    await using opened = await open(scope, under, known);
    const { reader, first } = opened;
    const received = [
      ...statesIn(first),
      ...(await taken(reader, ids.length - statesIn(first).length)),
    ];
    expect(received.map(versionIn)).toEqual([...(await truth(under, ids)).values()]);
    for (const reason of ["a", "b", "c"]) {
      for (const id of ids) await acquire(under, id, reason);
      received.push(...(await taken(reader, reason === "b" ? 1 : ids.length - 1)));
    }
    received.push(...statesIn(await untilQuiet(reader, under)));
    for (const id of ids) {
      const versions = received.filter((message) => idOf(message) === id).map(versionIn);
      expect(versions.length).toBeGreaterThan(2);
      expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    }
  });

  it("Current: the last state of every session arrives, at whatever pace it is read", async () => {
    await using under = await serviceUnderTest();
    await using opened = await open(scope, under);
    const received = new Map(
      statesIn(opened.first).map((state) => [idOf(state), versionIn(state)]),
    );
    const note = (messages: readonly WatchMessage[]): void => {
      for (const state of statesIn(messages)) received.set(idOf(state), versionIn(state));
    };
    for (const [index, id] of [...ids, ...ids, ...ids].entries()) {
      await acquire(under, id, `tile-${index}`);
      if (index % 3 === 0) note(await taken(opened.reader, 1));
    }
    note(await untilQuiet(opened.reader, under));
    expect(received).toEqual(await truth(under, ids));
  });

  it("Resumable: a reader that comes back gets what differs from what it knows", async () => {
    await using under = await serviceUnderTest();
    for (const id of ids) await under.service.execute(id, attach);
    const known = await truth(under, ids);
    const changed = ids.filter((_, index) => index % 2 === 0);
    for (const id of changed) await acquire(under, id, "tile");
    await using reader = watch(under.service, scope.select(known));
    const received = await reader.untilBookmark();
    expect(received.slice(0, -1).map(idOf)).toEqual(changed);
    await using again = watch(under.service, scope.select(await truth(under, ids)));
    expect((await again.next()).kind).toBe("bookmark");
  });

  it("Bounded: one state of each session waits, and counts those that it stands for", async () => {
    await using under = await serviceUnderTest();
    await using opened = await open(scope, under);
    const { reader, first } = opened;
    for (let change = 0; change < 10; change++) {
      for (const id of ids) await acquire(under, id, `tile-${change}`);
    }
    const merged = scope.joinLater ? 10 : 9;
    const states = await taken(reader, ids.length);
    expect(states.map(idOf)).toEqual(ids);
    expect(states.map(({ coalesced }) => coalesced)).toEqual(ids.map(() => merged));
    expect(await untilQuiet(reader, under)).toMatchObject([{ kind: "bookmark" }]);
    expect(statesIn(first)).toHaveLength(scope.joinLater ? 0 : ids.length);
  });
});

interface Opened extends AsyncDisposable {
  readonly reader: Reader;
  /** Up to the first bookmark; sessions that join later are attached since. */
  readonly first: readonly WatchMessage[];
  /** The moment at which the reader began. */
  readonly since: number;
}

async function open(scope: Scope, under: ServiceUnderTest, known?: Versions): Promise<Opened> {
  const { service, clock } = under;
  const { ids, select, joinLater } = scope;
  const attachAll = async (): Promise<void> => {
    for (const id of ids) await service.execute(id, attach);
  };
  if (!joinLater) await attachAll();
  const since = clock.now();
  const reader = watch(service, select(known ?? new Map()));
  const first = await reader.untilBookmark();
  if (joinLater) await attachAll();
  return { reader, first, since, [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose]() };
}

async function taken(reader: Reader, count: number): Promise<readonly State[]> {
  const messages: WatchMessage[] = [];
  while (messages.length < count) messages.push(await reader.next());
  return statesIn(messages);
}

/** Reads until a bookmark breaks a silence. */
async function untilQuiet(
  reader: Reader,
  { clock }: ServiceUnderTest,
): Promise<readonly WatchMessage[]> {
  const more = reader.untilBookmark();
  await clock.advance(14_000);
  return await more;
}

type State = Extract<WatchMessage, { kind: "state" }>;

function statesIn(messages: readonly WatchMessage[]): readonly State[] {
  return messages.filter((message) => message.kind === "state");
}

function idOf(message: WatchMessage): SessionId {
  return message.kind === "state" ? message.session.id : message.kind;
}

function versionIn({ session }: State): number {
  return session.version;
}

/** The version of each session, as the store has it. */
async function truth({ store }: ServiceUnderTest, ids: readonly SessionId[]): Promise<Versions> {
  const versions = ids.map(async (id) => [id, (await store.load(id))?.version ?? -1] as const);
  return new Map(await Promise.all(versions));
}
