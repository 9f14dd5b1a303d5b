import { expect, it } from "vitest";

import type { Session } from "../../../src/core/session.ts";
import { WatchReader } from "../../../src/service/watch/watch-reader.ts";
import { attach, serviceUnderTest } from "../../support/session-service.ts";

it("Ordered: nothing older than what the reader said it had, once that was seen to be the truth", async () => {
  const session = await anySession();
  const reader = new WatchReader(new Map([[session.id, session.version]]), 0);
  reader.offer(session.id, session);
  reader.offer(session.id, { ...session, version: session.version - 1 });
  expect(reader.take()).toBeUndefined();
  reader.offer(session.id, { ...session, version: session.version + 1 });
  expect(reader.take()).toMatchObject({ kind: "state", coalesced: 0 });
});

it("Bounded: what nobody knows any more is not remembered either", async () => {
  const session = await anySession();
  const reader = new WatchReader(new Map(), 0);
  reader.offer(session.id, session);
  reader.take();
  reader.forget(session.id);
  reader.offer(session.id, { ...session, version: 1 });
  expect(reader.take()).toMatchObject({ kind: "state", session: { version: 1 } });
});

async function anySession(): Promise<Session> {
  await using under = await serviceUnderTest();
  await under.service.execute("s1", attach);
  const record = await under.service.find("s1");
  if (record?.kind !== "attached") throw new Error("the session is gone");
  return record;
}
