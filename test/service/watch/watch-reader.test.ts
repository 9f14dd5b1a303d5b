import { expect, it } from "vitest";

import { Budgets } from "../../../src/budget/budgets.ts";
import type { Session, SessionRecord } from "../../../src/core/session.ts";
import { type Admission, WatchBudget } from "../../../src/service/watch/watch-budget.ts";
import { WatchReader } from "../../../src/service/watch/watch-reader.ts";
import { attach, serviceUnderTest } from "../../support/service/session-service.ts";
import { named, wholeBeach } from "../../support/service/watching.ts";

const fresh = { door: "public", bookmarkAt: 0, bearer: undefined };

it("Ordered: nothing older than what the reader said it had, once that was seen to be the truth", async () => {
  const session = await anySession();
  const known = { ...named("s1"), knownVersions: new Map([[session.id, session.version]]) };
  const admission = admitted(2);
  const reader = new WatchReader(known, admission, fresh);
  reader.offer(session.id, session);
  reader.offer(session.id, { ...session, version: session.version - 1 });
  expect(reader.take()).toBeUndefined();
  reader.offer(session.id, { ...session, version: session.version + 1 });
  expect(reader.take()).toMatchObject({ kind: "state", coalesced: 0 });
});

it("Bounded: a session of a beach that is gone is not remembered", async () => {
  const session = await anySession();
  const budgets = new Budgets();
  const admission = new WatchBudget(budgets).admit(0, undefined);
  const remembered = (): number => budgets.figures("watched_names").used;
  const reader = new WatchReader(wholeBeach("beach-1", []), admission, fresh);
  const detached = { ...session, kind: "detached", reason: "over" } as unknown as SessionRecord;
  reader.offer("s1", session);
  reader.take();
  reader.offer("s1", { ...detached, version: session.version + 1 });
  expect(remembered()).toBe(1);
  expect(reader.take()).toMatchObject({ kind: "gone", reason: "over" });
  expect(remembered()).toBe(0);
  reader.offer("s1", { ...session, version: session.version + 2 });
  expect(reader.take()).toMatchObject({ kind: "state" });
});

it("Bounded: of changes that were merged before they were offered, those that it had do not count", async () => {
  const session = await anySession();
  const reader = new WatchReader(named("s1"), admitted(1), fresh);
  reader.offer("s1", session);
  reader.take();
  reader.offer("s1", { ...session, version: session.version + 3 }, 5);
  expect(reader.take()).toMatchObject({ kind: "state", coalesced: 2 });
});

function admitted(names: number): Admission {
  return new WatchBudget(new Budgets()).admit(names, undefined);
}

async function anySession(): Promise<Session> {
  await using under = await serviceUnderTest();
  await under.service.execute("s1", attach);
  const record = await under.service.find("s1");
  if (record?.kind !== "attached") throw new Error("the session is gone");
  return record;
}
